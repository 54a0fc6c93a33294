// SPDX-License-Identifier: BSD-2-Clause
/* Which addresses the card's memory has for the card: the next that fits. */
#include <errno.h>

#include "vesper_error.h"
#include "vesper_iova.h"

#define PREFERRED 0x100000000ull
#define LOWEST	  0x100000ull

/* The first place in one range at or above @from; its link in the list, or NULL if it has none. */
static struct vesper_iova **find(struct vesper_iova **used, const struct vesper_iova_range *range,
				 u64 from, u64 align, struct vesper_iova *place)
{
	u64 at = range->first > from ? range->first : from;
	u64 last = place->size - 1;
	struct vesper_iova **link = used;

	for (;;) {
		/* Rounding up may go beyond the end of all addresses. */
		if (at > UINT64_MAX - (align - 1))
			return NULL;
		at = (at + align - 1) & ~(align - 1);
		if (at > range->last || last > range->last - at)
			return NULL;
		while (*link && (*link)->first + ((*link)->size - 1) < at)
			link = &(*link)->next;
		if (!*link || (*link)->first > at + last)
			break;
		at = (*link)->first + (*link)->size;
		if (!at)
			return NULL;
	}
	place->first = at;
	return link;
}

int vesper_iova_take(struct vesper_iova_space *space, const struct vesper_iova_range *ranges,
		     u32 count, struct vesper_iova *place, u64 align)
{
	const u64 from[] = { space->next > PREFERRED ? space->next : PREFERRED, PREFERRED, LOWEST };
	struct vesper_iova **link = NULL;
	u32 i, r;

	for (i = 0; !link && i < ARRAY_SIZE(from); i++)
		for (r = 0; !link && r < count; r++)
			link = find(&space->used, &ranges[r], from[i], align, place);
	if (!link)
		return vesper_error(-ENOSPC,
				    "no room for %llu bytes in the %u ranges of addresses that "
				    "the IOMMU translates",
				    (unsigned long long)place->size, count);
	place->next = *link;
	*link = place;
	space->next = place->first + place->size;
	return 0;
}

void vesper_iova_give(struct vesper_iova_space *space, struct vesper_iova *place)
{
	struct vesper_iova **link;

	for (link = &space->used; *link; link = &(*link)->next) {
		if (*link == place) {
			*link = place->next;
			return;
		}
	}
}
