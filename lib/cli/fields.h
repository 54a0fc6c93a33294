/* SPDX-License-Identifier: BSD-2-Clause */
/* `field = value`: tables of fields that are read into a structure. */
#ifndef VESPER_CLI_FIELDS_H
#define VESPER_CLI_FIELDS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vesper.h"

/* One field; either `set`, or a number of `size` bytes at `offset` from `min` to `max`. */
struct field {
	const char *name;
	const char *wanted; /* what it may be */
	bool (*set)(void *to, const char *text);
	size_t offset, size;
	uint64_t min, max;
};

/* Ends a table: { 0 }. Return: the field of that name, or NULL. */
const struct field *field_find(const struct field *table, const char *name);

/* Sets it. Return: false when the text is nothing that it may be. */
bool field_set(const struct field *field, void *to, const char *text);

/* The fields of an SA file and of a policy. */
extern const struct field sa_fields[], policy_fields[];

/* A number in any base of C, not negative. */
bool text_to_number(const char *text, uint64_t max, uint64_t *out);

/* An IPv4 or IPv6 address; @family: enum vesper_family, 0 for either, and becomes what it was. */
bool text_to_address(const char *text, uint8_t out[16], uint8_t *family);

/* The same with "/LEN"; without, the address itself. Bits beyond the prefix must be zero. */
bool text_to_prefix(const char *text, uint8_t out[16], uint8_t *len, uint8_t *family);

/* A protocol by number or one of the usual names; "any": 0. */
bool text_to_protocol(const char *text, uint8_t *out);

/* Address as text; room for INET6_ADDRSTRLEN bytes. */
const char *address_text(unsigned int family, const uint8_t *address, char *out);

#endif
