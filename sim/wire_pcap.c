// SPDX-License-Identifier: BSD-2-Clause
/* The wire as two capture files. Frames of the input come when the card has dealt with the one before. */
#include "capture.h"
#include "log.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pcap_wire {
	struct wire wire;
	struct capture_writer *out;
	struct capture_reader *in;
	uint64_t frames;
};

/* The times are not known here (--pcap writes them); a frame's number stands in their place. */
static int pcap_send(struct wire *wire, const uint8_t *frame, size_t len)
{
	struct pcap_wire *p = (struct pcap_wire *)wire;

	capture_write(p->out, frame, len, p->frames++, CAPTURE_OUT);
	return 0;
}

static size_t pcap_receive(struct wire *wire, uint8_t *frame, size_t room)
{
	struct pcap_wire *p = (struct pcap_wire *)wire;
	size_t len = 0;
	int ret;

	do
		ret = capture_read(p->in, frame, room, &len);
	while (ret > 0 && !len);
	if (ret > 0)
		return len;
	if (ret < 0)
		sim_log(LOG_ERROR, "--wire pcap: the input is damaged after frame %llu",
			(unsigned long long)wire->stats.in);
	else
		sim_log(LOG_INFO, "--wire pcap: all %llu frames of the input are in",
			(unsigned long long)wire->stats.in);
	wire->has_input = false;
	return 0;
}

static void pcap_flush(struct wire *wire)
{
	int ret = capture_flush(((struct pcap_wire *)wire)->out);

	if (ret)
		sim_log(LOG_WARN, "--wire pcap: the output cannot be written: %s", strerror(-ret));
}

static void pcap_close(struct wire *wire)
{
	struct pcap_wire *p = (struct pcap_wire *)wire;
	int ret = capture_close(p->out);

	if (ret)
		sim_log(LOG_ERROR, "--wire pcap: the output is not complete: %s", strerror(-ret));
	capture_done(p->in);
	free(p);
}

static const struct wire_ops pcap_ops = {
	.send = pcap_send, .receive = pcap_receive, .flush = pcap_flush, .close = pcap_close
};

int wire_open_pcap(const char *paths, struct wire **wire)
{
	struct pcap_wire *p = calloc(1, sizeof(*p));
	char *out = strdup(paths);
	char *in = out ? strchr(out, ',') : NULL;
	int ret = p && out ? 0 : -ENOMEM;

	if (in)
		*in++ = 0;
	if (!ret && in) {
		ret = capture_open(in, &p->in);
		if (ret)
			sim_log(LOG_ERROR, "--wire pcap: input %s: %s", in,
				ret == -EINVAL ? "not a capture of Ethernet frames" :
						 strerror(-ret));
	}
	if (!ret) {
		ret = capture_create(out, &p->out);
		if (ret)
			sim_log(LOG_ERROR, "--wire pcap: output %s: %s", out, strerror(-ret));
	}
	free(out);
	if (ret) {
		if (p)
			capture_done(p->in);
		free(p);
		return ret;
	}
	p->wire.ops = &pcap_ops;
	p->wire.paced = true;
	p->wire.has_input = p->in;
	*wire = &p->wire;
	return 0;
}
