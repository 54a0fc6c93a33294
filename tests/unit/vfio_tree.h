/* SPDX-License-Identifier: BSD-2-Clause */
/* A sysfs and device files made of files, below a folder of their own: three devices, two of them cards. */
#ifndef VFIO_TREE_H
#define VFIO_TREE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define CARD	"0000:01:00.0"
#define TWIN	"0000:02:00.0"
#define FOREIGN "0000:00:1f.6"
#define PATH	400

extern char tree_root[32];

/* For cmocka: setup, teardown. */
int tree_make(void **state);
int tree_remove(void **state);

/* The full name of @path; valid until the next call. */
const char *tree_at(const char *path);
void tree_put(const char *path, const char *text);
void tree_get(const char *path, char *text, size_t size);
void tree_link(const char *path, const char *target);

void tree_add_device(const char *address, const char *vendor, const char *device);
void tree_add_driver(const char *name);
void tree_device_file(const char *address, const char *name, const char *text);
void tree_set_driver(const char *address, const char *driver); /* "": none */
void tree_set_group(const char *address, int group);

/* The last failure's sentence has these words. */
void expect_said(const char *words);
/* CARD cannot be opened. */
void expect_refused(int err, const char *words);

#endif
