/* SPDX-License-Identifier: BSD-2-Clause */
/* Capture files of Ethernet frames: pcap and pcapng in, pcapng out. */
#ifndef SIM_CAPTURE_H
#define SIM_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

struct capture_writer;
struct capture_reader;

enum capture_direction { CAPTURE_IN = 1, CAPTURE_OUT = 2 }; /* as the pcapng flags word has it */

/* pcapng with nanoseconds; 0 or a negative errno. */
int capture_create(const char *path, struct capture_writer **writer);

/* ns: time since the card was started. Errors are kept for capture_flush. */
void capture_write(struct capture_writer *writer, const uint8_t *frame, size_t len, uint64_t ns,
		   enum capture_direction direction);

/* Everything so far is in the file; 0 or a negative errno. Cheap when nothing is new. */
int capture_flush(struct capture_writer *writer);
int capture_close(struct capture_writer *writer);

/* pcap (either byte order, micro- or nanoseconds) or pcapng; -EINVAL: neither, or not Ethernet. */
int capture_open(const char *path, struct capture_reader **reader);

/* 1: a frame, cut at `room`; 0: the end; -EINVAL: the file is damaged here. */
int capture_read(struct capture_reader *reader, uint8_t *frame, size_t room, size_t *len);
void capture_done(struct capture_reader *reader);

#endif
