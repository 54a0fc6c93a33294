/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card's pins, and the seam between C and the Verilated C++ class. Names
 * and widths are those of rtl/top/vesper_top.sv; a 512-bit bus is 64 bytes,
 * byte 0 in bits 7:0. The structs' layout is that of sim/card_top.sv.
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
	uint64_t mac; /* byte 0, the first on the wire, in bits 7:0 */
	uint64_t rx_tkeep;
	uint8_t rdata[BEAT];
	uint8_t rx_tdata[BEAT];
	uint32_t axil_addr; /* of both channels: one access at a time */
	uint32_t axil_wdata;
	uint8_t axil_wstrb;
	uint8_t bid, rid, bresp, rresp;
	bool rst, bus_master_en;

	/* AXI4-Lite slave, BAR0 */
	bool axil_awvalid, axil_wvalid, axil_bready, axil_arvalid, axil_rready;

	/* AXI4 master, host memory */
	bool awready, wready, bvalid, arready, rvalid, rlast;

	/* wire, interrupts */
	bool rx_tvalid, rx_tlast, rx_tuser;
	bool tx_tready, msix_ready;
	uint8_t pad[1];
};

struct card_outputs {
	uint64_t awaddr, araddr;
	uint64_t wstrb;
	uint64_t tx_tkeep;
	uint8_t wdata[BEAT];
	uint8_t tx_tdata[BEAT];
	uint32_t axil_rdata;
	uint8_t axil_bresp, axil_rresp;
	uint8_t awid, arid;
	uint8_t awlen, arlen; /* beats - 1 */
	uint8_t msix_vector;
	bool idle;
	bool axil_awready, axil_wready, axil_bvalid, axil_arready, axil_rvalid;
	bool awvalid, wvalid, wlast, bready, arvalid, rready;
	bool tx_tvalid, tx_tlast;
	bool rx_tready, msix_valid;
	uint8_t pad[5];
};

/*
 * Called at each rising edge: `out` is what the outputs are just before it and
 * stands until the next one. Returns what the inputs are from then on.
 */
typedef const struct card_inputs *(*card_edge_fn)(void *ctx, const struct card_outputs *out);

struct card_model;

/*
 * trace: path of an FST file, or NULL. firmware: path of the management CPU's
 * image (hexadecimal words), read once, or NULL for none. Returns NULL when
 * memory is short, or when the trace cannot be written (card_model_traces).
 */
struct card_model *card_model_new(const char *trace, const char *firmware, card_edge_fn edge,
				  void *ctx);
void card_model_free(struct card_model *model);
bool card_model_traces(void);

/* Number of MSI-X vectors: one a queue pair, and one for events. */
unsigned int card_model_vectors(void);

/* One cycle of the clock: its rising edge, and back. */
void card_model_cycle(struct card_model *model);

#ifdef __cplusplus
}
#endif

#endif
