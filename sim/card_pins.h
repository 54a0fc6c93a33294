/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card's pins, and the seam between C and the Verilated C++ class. Names
 * and widths are those of rtl/top/vesper_top.sv; a 512-bit bus is 64 bytes,
 * byte 0 in bits 7:0.
 */
#ifndef SIM_CARD_PINS_H
#define SIM_CARD_PINS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BEAT 64u /* bytes of the fabric, the AXI4 master and the wire */

struct card_inputs {
	bool rst;
	bool bus_master_en;
	uint64_t mac; /* byte 0, the first on the wire, in bits 7:0 */

	/* AXI4-Lite slave, BAR0 */
	bool axil_awvalid, axil_wvalid, axil_bready, axil_arvalid, axil_rready;
	uint32_t axil_addr; /* of both channels: one access at a time */
	uint32_t axil_wdata;
	uint8_t axil_wstrb;

	/* AXI4 master, host memory */
	bool awready, wready, bvalid, arready, rvalid, rlast;
	uint8_t bid, rid;
	uint8_t bresp, rresp;
	uint8_t rdata[BEAT];

	/* from the wire */
	bool rx_tvalid, rx_tlast, rx_tuser;
	uint64_t rx_tkeep;
	uint8_t rx_tdata[BEAT];

	bool tx_tready;
	bool msix_ready;
};

struct card_outputs {
	bool idle;

	bool axil_awready, axil_wready, axil_bvalid, axil_arready, axil_rvalid;
	uint8_t axil_bresp, axil_rresp;
	uint32_t axil_rdata;

	bool awvalid, wvalid, wlast, bready, arvalid, rready;
	uint8_t awid, arid;
	uint8_t awlen, arlen; /* beats - 1 */
	uint64_t awaddr, araddr;
	uint64_t wstrb;
	const uint8_t *wdata; /* BEAT bytes; stand until the next edge */

	bool tx_tvalid, tx_tlast;
	uint64_t tx_tkeep;
	const uint8_t *tx_tdata; /* BEAT bytes; stand until the next edge */

	bool rx_tready;
	bool msix_valid;
	uint8_t msix_vector;
};

struct card_model;

/*
 * trace: path of an FST file, or NULL. firmware: path of the management CPU's
 * image (hexadecimal words), read once, or NULL for none. Returns NULL when
 * memory is short, or when the trace cannot be written (card_model_traces).
 */
struct card_model *card_model_new(const char *trace, const char *firmware);
void card_model_free(struct card_model *model);
bool card_model_traces(void);

/* Number of MSI-X vectors: one a queue pair, and one for events. */
unsigned int card_model_vectors(void);

/* Applies the inputs with the clock low and says what the outputs are before the next edge. */
void card_model_settle(struct card_model *model, const struct card_inputs *in,
		       struct card_outputs *out);

/* The rising edge. */
void card_model_edge(struct card_model *model);

#ifdef __cplusplus
}
#endif

#endif
