/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the card's wire goes. Nothing here ever blocks: a frame that a slow
 * peer cannot take is dropped and counted, as on a real wire.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest frame that a peer may hand over; what the card thinks of it is the card's matter. */
#define WIRE_FRAME_MAX (68u * 1024)
#define WIRE_POLL_MAX  2u

struct wire;

struct wire_stats {
	uint64_t out, out_dropped; /* frames */
	uint64_t in;
};

struct wire_ops {
	/* Hands a frame to the peer: 0, or a negative errno when it is dropped. */
	int (*send)(struct wire *wire, const uint8_t *frame, size_t len);
	/* Next frame from the peer: its length, 0 when none is there now. */
	size_t (*receive)(struct wire *wire, uint8_t *frame, size_t room);
	/* Descriptors to wait for; `want_in`: the card has room for a frame. */
	unsigned int (*poll)(struct wire *wire, struct pollfd *fds, bool want_in);
	/* Something happened on them. */
	void (*event)(struct wire *wire, const struct pollfd *fds, unsigned int n);
	void (*flush)(struct wire *wire);
	void (*close)(struct wire *wire);
};

struct wire {
	const struct wire_ops *ops;
	struct wire_stats stats;
	bool paced;	/* frames may wait until the card has dealt with the one before */
	bool has_input; /* worth a call of receive */
};

/*
 * spec: none | loop | pcap:OUT[,IN] | tap:NAME | unix:PATH | unix-connect:PATH
 *   none          frames out are dropped, none come in
 *   loop          frames out come in again
 *   pcap          frames out into the capture OUT, those of the capture IN in
 *   tap           Linux tap interface NAME
 *   unix          listens on PATH; 4-byte big-endian length before each frame,
 *                 as QEMU's -netdev stream
 *   unix-connect  the same, but connects
 * 0, or a negative errno after a log line.
 */
int wire_open(const char *spec, struct wire **wire);

void wire_send(struct wire *wire, const uint8_t *frame, size_t len);
size_t wire_receive(struct wire *wire, uint8_t *frame, size_t room);
unsigned int wire_poll(struct wire *wire, struct pollfd *fds, bool want_in);
void wire_event(struct wire *wire, const struct pollfd *fds, unsigned int n);
void wire_flush(struct wire *wire);
void wire_close(struct wire *wire);

/* The kinds, one file each. */
int wire_open_pcap(const char *paths, struct wire **wire);
int wire_open_tap(const char *name, struct wire **wire);
int wire_open_stream(const char *path, bool connects, struct wire **wire);

#endif
