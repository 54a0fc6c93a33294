// SPDX-License-Identifier: BSD-2-Clause
/*
 * AXI4 slave for the card's DMA. Bursts are INCR of whole 64-byte beats, so a
 * beat lies within one page and within one range of the client's memory.
 */
#include "axi.h"

#include <string.h>

void axi_init(struct axi *axi, const struct card_host *host, struct card_stats *stats,
	      unsigned int latency)
{
	memset(axi, 0, sizeof(*axi));
	axi->host = host;
	axi->stats = stats;
	axi->latency = latency;
}

static unsigned int fill(const struct axi_queue *q)
{
	return q->tail - q->head;
}

static struct axi_burst *head(struct axi_queue *q)
{
	return &q->burst[q->head % AXI_OUTSTANDING];
}

static void push(struct axi_queue *q, const struct axi_burst *burst)
{
	q->burst[q->tail++ % AXI_OUTSTANDING] = *burst;
}

void axi_reset(struct axi *axi, struct card_inputs *in)
{
	axi->read.head = axi->read.tail;
	axi->write.head = axi->write.tail;
	axi->done.head = axi->done.tail;
	axi->early.there = false;
	in->rvalid = in->bvalid = false;
	in->arready = in->awready = in->wready = false;
}

/* Fetches the next beat of the read at the head and puts it on the pins. */
static void present_read(struct axi *axi, struct card_inputs *in)
{
	struct axi_burst *r = head(&axi->read);
	struct card_axi_stats *stats = &axi->stats->read[r->id];

	in->rid = r->id;
	in->rlast = r->beats == 1;
	in->rresp = AXI_OKAY;
	if (!axi->bus_master)
		in->rresp = AXI_SLVERR;
	else if (axi->host->mem_read(axi->host->ctx, r->addr, in->rdata, BEAT))
		in->rresp = AXI_DECERR;
	if (in->rresp != AXI_OKAY) {
		memset(in->rdata, 0, BEAT);
		stats->errors++;
	}
	stats->beats++;
	stats->bytes += BEAT;
	r->addr += BEAT;
	r->beats--;
	in->rvalid = true;
}

static void take_write(struct axi *axi, const uint8_t *data, uint64_t strb, bool last)
{
	struct axi_burst *w = head(&axi->write);
	struct card_axi_stats *stats = &axi->stats->write[w->id];
	uint8_t resp = AXI_OKAY;

	if (!axi->bus_master)
		resp = AXI_SLVERR;
	else if (axi->host->mem_write(axi->host->ctx, w->addr, data, BEAT, strb))
		resp = AXI_DECERR;
	if (resp != AXI_OKAY) {
		w->resp = resp;
		stats->errors++;
	}
	stats->beats++;
	stats->bytes += (unsigned int)__builtin_popcountll(strb);
	w->addr += BEAT;
	w->beats--;
	/* `last` is believed, so that a burst that ends early does not swallow the next one. */
	if (w->beats && !last)
		return;
	w->due = axi->cycle + axi->latency;
	push(&axi->done, w);
	axi->write.head++;
}

void axi_step(struct axi *axi, struct card_inputs *in, const struct card_outputs *out)
{
	struct axi_burst burst = { .resp = AXI_OKAY };

	axi->cycle++;
	if (out->arvalid && in->arready) {
		burst.addr = out->araddr;
		burst.beats = out->arlen + 1u;
		burst.id = out->arid;
		burst.due = axi->cycle + axi->latency;
		push(&axi->read, &burst);
		axi->stats->read[burst.id].bursts++;
	}
	if (out->awvalid && in->awready) {
		burst.addr = out->awaddr;
		burst.beats = out->awlen + 1u;
		burst.id = out->awid;
		push(&axi->write, &burst);
		axi->stats->write[burst.id].bursts++;
	}
	if (axi->early.there && fill(&axi->write)) {
		axi->early.there = false;
		take_write(axi, axi->early.data, axi->early.strb, axi->early.last);
	}
	if (out->wvalid && in->wready && fill(&axi->write)) {
		take_write(axi, out->wdata, out->wstrb, out->wlast);
	} else if (out->wvalid && in->wready) {
		axi->early =
			(struct axi_beat){ .there = true, .strb = out->wstrb, .last = out->wlast };
		memcpy(axi->early.data, out->wdata, BEAT);
	}

	if (in->rvalid && out->rready) {
		in->rvalid = false;
		if (!head(&axi->read)->beats)
			axi->read.head++;
	}
	if (!in->rvalid && fill(&axi->read) && head(&axi->read)->due <= axi->cycle)
		present_read(axi, in);
	if (in->bvalid && out->bready) {
		in->bvalid = false;
		axi->done.head++;
	}
	if (!in->bvalid && fill(&axi->done) && head(&axi->done)->due <= axi->cycle) {
		in->bid = head(&axi->done)->id;
		in->bresp = head(&axi->done)->resp;
		in->bvalid = true;
	}

	in->arready = fill(&axi->read) < AXI_OUTSTANDING;
	in->awready = fill(&axi->write) + fill(&axi->done) < AXI_OUTSTANDING;
	in->wready = !axi->early.there;
}

bool axi_quiet(const struct axi *axi)
{
	return !fill(&axi->read) && !fill(&axi->write) && !fill(&axi->done) && !axi->early.there;
}
