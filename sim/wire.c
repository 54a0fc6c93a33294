// SPDX-License-Identifier: BSD-2-Clause
/* Wire ports by name, and the two that need no peer. */
#include "wire.h"

#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOP_FRAMES 64u

struct loop {
	struct wire wire;
	unsigned int head, tail;
	size_t len[LOOP_FRAMES];
	uint8_t frame[LOOP_FRAMES][16384];
};

static int none_send(struct wire *wire, const uint8_t *frame, size_t len)
{
	(void)wire, (void)frame, (void)len;
	return -ENOTCONN;
}

static void free_close(struct wire *wire)
{
	free(wire);
}

static int loop_send(struct wire *wire, const uint8_t *frame, size_t len)
{
	struct loop *loop = (struct loop *)wire;
	unsigned int slot = loop->tail % LOOP_FRAMES;

	if (loop->tail - loop->head == LOOP_FRAMES || len > sizeof(loop->frame[0]))
		return -ENOBUFS;
	memcpy(loop->frame[slot], frame, len);
	loop->len[slot] = len;
	loop->tail++;
	wire->has_input = true;
	return 0;
}

static size_t loop_receive(struct wire *wire, uint8_t *frame, size_t room)
{
	struct loop *loop = (struct loop *)wire;
	unsigned int slot = loop->head % LOOP_FRAMES;
	size_t len;

	if (loop->head == loop->tail) {
		wire->has_input = false;
		return 0;
	}
	len = loop->len[slot] < room ? loop->len[slot] : room;
	memcpy(frame, loop->frame[slot], len);
	loop->head++;
	return len;
}

static const struct wire_ops none_ops = { .send = none_send, .close = free_close };
static const struct wire_ops loop_ops = { .send = loop_send,
					  .receive = loop_receive,
					  .close = free_close };

static int open_plain(const struct wire_ops *ops, size_t size, struct wire **wire)
{
	*wire = calloc(1, size);
	if (!*wire)
		return -ENOMEM;
	(*wire)->ops = ops;
	return 0;
}

int wire_open(const char *spec, struct wire **wire)
{
	const char *rest = strchr(spec, ':');
	size_t kind = rest ? (size_t)(rest - spec) : strlen(spec);

	*wire = NULL;
	rest = rest ? rest + 1 : "";
	if (!strcmp(spec, "none"))
		return open_plain(&none_ops, sizeof(struct wire), wire);
	if (!strcmp(spec, "loop"))
		return open_plain(&loop_ops, sizeof(struct loop), wire);
	if (*rest && kind == 4 && !strncmp(spec, "pcap", kind))
		return wire_open_pcap(rest, wire);
	if (*rest && kind == 3 && !strncmp(spec, "tap", kind))
		return wire_open_tap(rest, wire);
	if (*rest && kind == 4 && !strncmp(spec, "unix", kind))
		return wire_open_stream(rest, false, wire);
	if (*rest && kind == 12 && !strncmp(spec, "unix-connect", kind))
		return wire_open_stream(rest, true, wire);
	sim_log(LOG_ERROR,
		"--wire %s: not none, loop, pcap:OUT[,IN], tap:NAME, unix:PATH or unix-connect:PATH",
		spec);
	return -EINVAL;
}

void wire_send(struct wire *wire, const uint8_t *frame, size_t len)
{
	if (wire->ops->send(wire, frame, len))
		wire->stats.out_dropped++;
	else
		wire->stats.out++;
}

size_t wire_receive(struct wire *wire, uint8_t *frame, size_t room)
{
	size_t len =
		wire->has_input && wire->ops->receive ? wire->ops->receive(wire, frame, room) : 0;

	wire->stats.in += len > 0;
	return len;
}

unsigned int wire_poll(struct wire *wire, struct pollfd *fds, bool want_in)
{
	return wire->ops->poll ? wire->ops->poll(wire, fds, want_in) : 0;
}

void wire_event(struct wire *wire, const struct pollfd *fds, unsigned int n)
{
	if (wire->ops->event)
		wire->ops->event(wire, fds, n);
}

void wire_flush(struct wire *wire)
{
	if (wire->ops->flush)
		wire->ops->flush(wire);
}

void wire_close(struct wire *wire)
{
	if (wire)
		wire->ops->close(wire);
}
