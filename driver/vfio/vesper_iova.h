/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses the card's memory has for the card. */
#ifndef VESPER_IOVA_H
#define VESPER_IOVA_H

#include "vesper_compat.h"

/* Addresses that an IOMMU translates, both ends included. */
struct vesper_iova_range {
	u64 first, last;
};

/* A place in use. */
struct vesper_iova {
	struct vesper_iova *next;
	u64 first, size;
};

/* All that is in use, in order of addresses. Zeroed: nothing. */
struct vesper_iova_space {
	struct vesper_iova *used;
	u64 next; /* where the last place ended */
};

/**
 * vesper_iova_take - find a free place and note it as used
 * @space: what is in use
 * @ranges: in order of addresses
 * @count: how many
 * @place: with its size filled in; stays where it is until it is given back
 * @align: power of two
 *
 * Above 4 GiB where there is a place, clear of what PC platforms keep below, and one that
 * was given back as late as can be: a card that did not stop may still write to it.
 * Return: 0, or -ENOSPC.
 */
int vesper_iova_take(struct vesper_iova_space *space, const struct vesper_iova_range *ranges,
		     u32 count, struct vesper_iova *place, u64 align);

/* The place is free again. */
void vesper_iova_give(struct vesper_iova_space *space, struct vesper_iova *place);

#endif
