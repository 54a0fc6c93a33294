// SPDX-License-Identifier: BSD-2-Clause
/*
 * Clocks the Verilated card and drives its pins. At each edge the handshakes
 * are worked out from the outputs and the inputs as they stood until then, and
 * with them the next inputs. What is set in `in` outside of edge() comes to
 * the pins with the next one.
 */
#include "card.h"

#include "axi.h"
#include "card_pins.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RESET_CYCLES 16u
/* Idle is believed after this many cycles in a row, longer than a register write takes to show. */
#define QUIET_CYCLES 8u
#define REG_TIMEOUT  10000u
#define WIRE_FRAMES  64u /* a power of two */
/* Preamble, start of frame, FCS and gap take these bytes of the line beside each frame. */
#define LINE_OVERHEAD 24u

struct wire_frame {
	unsigned int len;
	bool cut;
	uint8_t data[CARD_FRAME_MAX];
};

struct card {
	struct card_host host;
	struct card_model *model;
	struct card_inputs in;
	const struct card_outputs *out; /* of the last edge */
	struct card_stats stats;
	struct axi axi;
	unsigned int idle_cycles; /* in a row */

	/* an access to a register */
	enum { REG_NONE, REG_READ, REG_WRITE, REG_UNDER_WAY, REG_ANSWERED } reg;

	/* from the wire into the card */
	struct wire_frame *rx;
	unsigned int rx_head, rx_tail; /* free-running */
	unsigned int rx_at;	       /* bytes of the head frame that are on the pins or through */
	unsigned int gbps;
	uint64_t rx_start; /* cycle in which the next frame may begin */

	/* from the card to the wire */
	uint8_t tx[CARD_FRAME_MAX];
	unsigned int tx_len;
	bool tx_under_way;
};

static const struct card_inputs *edge(void *ctx, const struct card_outputs *out);

int card_new(const struct card_host *host, const struct card_options *opts, struct card **card)
{
	struct card *c;

	*card = NULL;
	if (opts->trace && !card_model_traces())
		return -ENOTSUP;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->rx = calloc(WIRE_FRAMES, sizeof(*c->rx));
	c->model = card_model_new(opts->trace, opts->firmware, edge, c);
	if (!c->rx || !c->model) {
		card_free(c);
		return opts->trace ? -EIO : -ENOMEM;
	}
	c->host = *host;
	c->gbps = opts->wire_gbps;
	axi_init(&c->axi, &c->host, &c->stats, opts->latency);
	c->in.rst = true;
	c->in.mac = opts->mac;
	c->in.tx_tready = true;
	c->in.msix_ready = true;
	*card = c;
	return 0;
}

void card_free(struct card *card)
{
	if (!card)
		return;
	card_model_free(card->model);
	free(card->rx);
	free(card);
}

unsigned int card_vectors(const struct card *card)
{
	(void)card;
	return card_model_vectors();
}

/* ---- wire ---------------------------------------------------------------- */

static struct wire_frame *rx_head(struct card *card)
{
	return &card->rx[card->rx_head % WIRE_FRAMES];
}

/* Puts the next beat of the head frame on the pins. */
static void rx_present(struct card *card)
{
	struct wire_frame *f = rx_head(card);
	unsigned int n = f->len - card->rx_at < BEAT ? f->len - card->rx_at : BEAT;

	if (!card->rx_at) {
		card->stats.wire_in_frames++;
		card->stats.wire_in_bytes += f->len;
		if (card->host.wire_in)
			card->host.wire_in(card->host.ctx, f->data, f->len, card->stats.cycles);
		card->rx_start = card->stats.cycles;
		if (card->gbps)
			card->rx_start +=
				(f->len + LINE_OVERHEAD) * 8ull * CARD_MHZ / (1000ull * card->gbps);
	}
	memcpy(card->in.rx_tdata, f->data + card->rx_at, n);
	memset(card->in.rx_tdata + n, 0, BEAT - n);
	card->in.rx_tkeep = ~0ull >> (BEAT - n);
	card->rx_at += n;
	card->in.rx_tlast = card->rx_at == f->len;
	card->in.rx_tuser = card->in.rx_tlast && f->cut;
	card->in.rx_tvalid = true;
	card->idle_cycles = 0; /* the card says a cycle later that it is not idle */
}

static void rx_step(struct card *card)
{
	if (card->in.rx_tvalid && card->out->rx_tready) {
		card->in.rx_tvalid = false;
		if (card->in.rx_tlast) {
			card->rx_head++;
			card->rx_at = 0;
		}
	}
	if (card->in.rx_tvalid || card->rx_head == card->rx_tail)
		return;
	if (card->rx_at || card->stats.cycles >= card->rx_start)
		rx_present(card);
}

static void tx_step(struct card *card)
{
	unsigned int n;

	if (!card->out->tx_tvalid)
		return;
	n = (unsigned int)__builtin_popcountll(card->out->tx_tkeep);
	if (n > CARD_FRAME_MAX - card->tx_len)
		n = CARD_FRAME_MAX - card->tx_len;
	memcpy(card->tx + card->tx_len, card->out->tx_tdata, n);
	card->tx_len += n;
	card->tx_under_way = !card->out->tx_tlast;
	if (card->tx_under_way)
		return;
	card->stats.wire_out_frames++;
	card->stats.wire_out_bytes += card->tx_len;
	card->host.wire_out(card->host.ctx, card->tx, card->tx_len, card->stats.cycles);
	card->tx_len = 0;
}

bool card_wire_room(const struct card *card)
{
	return card->rx_tail - card->rx_head < WIRE_FRAMES;
}

bool card_wire_in(struct card *card, const uint8_t *frame, size_t len)
{
	struct wire_frame *f = &card->rx[card->rx_tail % WIRE_FRAMES];

	if (!card_wire_room(card))
		return false;
	if (!len)
		return true; /* nothing that a wire could carry */
	f->cut = len > CARD_FRAME_MAX;
	f->len = f->cut ? CARD_FRAME_MAX : (unsigned int)len;
	memcpy(f->data, frame, f->len);
	card->rx_tail++;
	return true;
}

/* ---- clock --------------------------------------------------------------- */

/* An access begins, goes on or has its answer. */
static void axil_step(struct card *card)
{
	const struct card_outputs *out = card->out;
	struct card_inputs *in = &card->in;

	if (out->axil_awready)
		in->axil_awvalid = false;
	if (out->axil_wready)
		in->axil_wvalid = false;
	if (out->axil_arready)
		in->axil_arvalid = false;
	if ((in->axil_bready && out->axil_bvalid) || (in->axil_rready && out->axil_rvalid)) {
		in->axil_bready = in->axil_rready = false;
		card->reg = REG_ANSWERED;
	}
	if (card->reg == REG_WRITE || card->reg == REG_READ) {
		in->axil_awvalid = in->axil_wvalid = in->axil_bready = card->reg == REG_WRITE;
		in->axil_arvalid = in->axil_rready = card->reg == REG_READ;
		card->reg = REG_UNDER_WAY;
	}
}

static const struct card_inputs *edge(void *ctx, const struct card_outputs *out)
{
	struct card *card = ctx;

	card->out = out;
	card->stats.cycles++;
	card->stats.busy += !out->idle;
	if (card->in.rst) {
		axi_reset(&card->axi, &card->in);
	} else {
		tx_step(card);
		rx_step(card);
		axi_step(&card->axi, &card->in, out);
		axil_step(card);
		if (out->msix_valid) {
			card->stats.interrupts++;
			card->host.interrupt(card->host.ctx, out->msix_vector);
		}
	}
	card->idle_cycles = out->idle ? card->idle_cycles + 1 : 0;
	return &card->in;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool card_quiet(const struct card *card)
{
	return card->idle_cycles >= QUIET_CYCLES && axi_quiet(&card->axi) &&
	       card->rx_head == card->rx_tail && !card->tx_under_way;
}

unsigned int card_run(struct card *card, unsigned int cycles)
{
	unsigned int done = 0;
	double start;

	if (!cycles || card_quiet(card))
		return 0;
	start = seconds();
	while (done < cycles && !card_quiet(card)) {
		card_model_cycle(card->model);
		done++;
	}
	card->stats.wall += seconds() - start;
	return done;
}

void card_reset(struct card *card)
{
	unsigned int i;

	card->in.rst = true;
	card->in.rx_tvalid = false;
	card->in.axil_awvalid = card->in.axil_wvalid = card->in.axil_arvalid = false;
	card->rx_head = card->rx_tail;
	card->rx_at = 0;
	card->tx_len = 0;
	card->tx_under_way = false;
	card->stats.resets++;
	for (i = 0; i < RESET_CYCLES; i++)
		card_model_cycle(card->model);
	card->in.rst = false;
	card->idle_cycles = 0;
}

void card_set_bus_master(struct card *card, bool on)
{
	unsigned int late = card->in.bus_master_en && !on ? 3 : 0;

	card->in.bus_master_en = on;
	/* The card sees it some cycles later: what it asks for until then is answered. */
	while (late--)
		card_model_cycle(card->model);
	card->axi.bus_master = on;
	card->idle_cycles = 0;
}

/* ---- registers ----------------------------------------------------------- */

/* Clocks until the access has its answer; its address and data are in `in`. */
static int reg_access(struct card *card, bool write)
{
	struct card_inputs *in = &card->in;
	double start = seconds();
	unsigned int i;
	int ret = -EIO;

	card->reg = write ? REG_WRITE : REG_READ;
	for (i = 0; i < REG_TIMEOUT && card->reg != REG_ANSWERED; i++)
		card_model_cycle(card->model);
	if (card->reg == REG_ANSWERED)
		ret = (write ? card->out->axil_bresp : card->out->axil_rresp) ? -EIO : 0;
	card->reg = REG_NONE;
	in->axil_awvalid = in->axil_wvalid = in->axil_arvalid = false;
	in->axil_bready = in->axil_rready = false;
	card->idle_cycles = 0;
	card->stats.wall += seconds() - start;
	return ret;
}

int card_reg_read(struct card *card, uint32_t offset, uint32_t *value)
{
	int ret;

	card->stats.reg_reads++;
	card->in.axil_addr = offset;
	ret = reg_access(card, false);
	*value = ret ? ~0u : card->out->axil_rdata;
	if (ret)
		sim_log(LOG_WARN, "register 0x%x: the card does not answer the read", offset);
	return ret;
}

int card_reg_write(struct card *card, uint32_t offset, uint32_t value, unsigned int strobe)
{
	int ret;

	card->stats.reg_writes++;
	card->in.axil_addr = offset;
	card->in.axil_wdata = value;
	card->in.axil_wstrb = (uint8_t)strobe;
	ret = reg_access(card, true);
	if (ret)
		sim_log(LOG_WARN, "register 0x%x: the card does not answer the write", offset);
	return ret;
}

const struct card_stats *card_stats(const struct card *card)
{
	return &card->stats;
}
