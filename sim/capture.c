// SPDX-License-Identifier: BSD-2-Clause
/* pcapng as in draft-ietf-opsawg-pcapng, pcap as in draft-ietf-opsawg-pcap. */
#include "capture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINKTYPE_ETHERNET 1u
#define BLOCK_SHB	  0x0a0d0d0au
#define BLOCK_IDB	  1u
#define BLOCK_SPB	  3u
#define BLOCK_EPB	  6u
#define ORDER_MAGIC	  0x1a2b3c4du
#define BLOCK_MAX	  (1u << 20)
#define BUFFER		  (1u << 16) /* of what is written, between two flushes */

struct capture_writer {
	FILE *file;
	bool dirty;
	int error;
};

struct capture_reader {
	FILE *file;
	bool ng, swapped;
	bool ethernet;
	uint8_t block[BLOCK_MAX];
};

/* ---- pcapng out ---------------------------------------------------------- */

static void put(struct capture_writer *w, const void *data, size_t len)
{
	if (fwrite(data, 1, len, w->file) != len && !w->error)
		w->error = errno ? -errno : -EIO;
}

int capture_create(const char *path, struct capture_writer **writer)
{
	/* Section, then one interface "wire0" whose time stamps are in 10^-9 s. */
	static const uint32_t section[] = { BLOCK_SHB, 28, ORDER_MAGIC, 1, ~0u, ~0u, 28 };
	static const uint32_t interface[] = { BLOCK_IDB,
					      44,
					      LINKTYPE_ETHERNET,
					      0,
					      2 | 5u << 16, /* if_name */
					      0x65726977,
					      0x30,	    /* "wire0" */
					      9 | 1u << 16, /* if_tsresol */
					      9,
					      0,
					      44 };
	struct capture_writer *w = calloc(1, sizeof(*w));

	*writer = NULL;
	if (!w)
		return -ENOMEM;
	w->file = fopen(path, "wbe");
	if (!w->file) {
		int error = -errno;

		free(w);
		return error;
	}
	setvbuf(w->file, NULL, _IOFBF, BUFFER);
	put(w, section, sizeof(section));
	put(w, interface, sizeof(interface));
	w->dirty = true;
	*writer = w;
	return 0;
}

void capture_write(struct capture_writer *w, const uint8_t *frame, size_t len, uint64_t ns,
		   enum capture_direction direction)
{
	static const uint8_t zero[4];
	uint32_t pad = (uint32_t)(-len & 3);
	uint32_t total = 32 + (uint32_t)len + pad + 12; /* with the flags and the end of options */
	const uint32_t header[] = {
		BLOCK_EPB,     total,	     0, (uint32_t)(ns >> 32), (uint32_t)ns,
		(uint32_t)len, (uint32_t)len
	};
	const uint32_t trailer[] = { 2 | 4u << 16, direction, 0, total };

	put(w, header, sizeof(header));
	put(w, frame, len);
	put(w, zero, pad);
	put(w, trailer, sizeof(trailer));
	w->dirty = true;
}

int capture_flush(struct capture_writer *w)
{
	if (w->dirty && fflush(w->file) && !w->error)
		w->error = -errno;
	w->dirty = false;
	return w->error;
}

int capture_close(struct capture_writer *w)
{
	int error;

	if (!w)
		return 0;
	error = capture_flush(w);
	if (fclose(w->file) && !error)
		error = -errno;
	free(w);
	return error;
}

/* ---- pcap and pcapng in -------------------------------------------------- */

static uint32_t get32(const struct capture_reader *r, const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, 4);
	return r->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t get16(const struct capture_reader *r, const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, 2);
	return r->swapped ? __builtin_bswap16(v) : v;
}

static int open_pcap(struct capture_reader *r, uint32_t magic)
{
	uint8_t rest[20];

	r->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	if (!r->swapped && magic != 0xa1b2c3d4 && magic != 0xa1b23c4d)
		return -EINVAL;
	if (fread(rest, 1, sizeof(rest), r->file) != sizeof(rest))
		return -EINVAL;
	r->ethernet = (get32(r, rest + 16) & 0x0fffffff) == LINKTYPE_ETHERNET;
	return r->ethernet ? 0 : -EINVAL;
}

int capture_open(const char *path, struct capture_reader **reader)
{
	struct capture_reader *r = malloc(sizeof(*r));
	uint32_t magic;
	int ret = 0;

	*reader = NULL;
	if (!r)
		return -ENOMEM;
	r->ng = r->swapped = r->ethernet = false;
	r->file = fopen(path, "rbe");
	if (!r->file)
		ret = -errno;
	else if (fread(&magic, 1, 4, r->file) != 4)
		ret = -EINVAL;
	else if (magic == BLOCK_SHB)
		r->ng = true;
	else
		ret = open_pcap(r, magic);
	if (r->ng)
		rewind(r->file);
	if (ret) {
		capture_done(r);
		return ret;
	}
	*reader = r;
	return 0;
}

static int deliver(const uint8_t *from, size_t captured, uint8_t *frame, size_t room, size_t *len)
{
	*len = captured < room ? captured : room;
	memcpy(frame, from, *len);
	return 1;
}

static int read_pcap(struct capture_reader *r, uint8_t *frame, size_t room, size_t *len)
{
	uint8_t header[16];
	size_t got = fread(header, 1, sizeof(header), r->file);
	uint32_t captured;

	if (!got)
		return 0;
	if (got != sizeof(header))
		return -EINVAL;
	captured = get32(r, header + 8);
	if (captured > BLOCK_MAX || fread(r->block, 1, captured, r->file) != captured)
		return -EINVAL;
	return deliver(r->block, captured, frame, room, len);
}

/* Reads the next block whole; its length, 0 at the end, -EINVAL. */
static int read_block(struct capture_reader *r)
{
	size_t got = fread(r->block, 1, 12, r->file);
	uint32_t type, total;

	if (!got)
		return 0;
	if (got != 12)
		return -EINVAL;
	memcpy(&type, r->block, 4);
	if (type == BLOCK_SHB) {
		uint32_t magic;

		memcpy(&magic, r->block + 8, 4);
		r->swapped = magic == __builtin_bswap32(ORDER_MAGIC);
		if (!r->swapped && magic != ORDER_MAGIC)
			return -EINVAL;
	}
	total = get32(r, r->block + 4);
	if (total < 12 || total > BLOCK_MAX || total % 4 ||
	    fread(r->block + 12, 1, total - 12, r->file) != total - 12)
		return -EINVAL;
	return (int)total;
}

static int read_ng(struct capture_reader *r, uint8_t *frame, size_t room, size_t *len)
{
	int total;

	while ((total = read_block(r)) > 0) {
		uint32_t type = get32(r, r->block);
		uint32_t captured;

		if (type == BLOCK_IDB && total >= 20) {
			r->ethernet = get16(r, r->block + 8) == LINKTYPE_ETHERNET;
		} else if (type == BLOCK_EPB && total >= 32 && r->ethernet) {
			captured = get32(r, r->block + 20);
			if (captured > (uint32_t)total - 32)
				return -EINVAL;
			return deliver(r->block + 28, captured, frame, room, len);
		} else if (type == BLOCK_SPB && total >= 16 && r->ethernet) {
			captured = get32(r, r->block + 8);
			if (captured > (uint32_t)total - 16)
				captured = (uint32_t)total - 16;
			return deliver(r->block + 12, captured, frame, room, len);
		}
	}
	return total;
}

int capture_read(struct capture_reader *r, uint8_t *frame, size_t room, size_t *len)
{
	return r->ng ? read_ng(r, frame, room, len) : read_pcap(r, frame, room, len);
}

void capture_done(struct capture_reader *r)
{
	if (!r)
		return;
	if (r->file)
		fclose(r->file);
	free(r);
}
