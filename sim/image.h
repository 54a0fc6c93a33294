/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_IMAGE_H
#define SIM_IMAGE_H

#include <stddef.h>

/*
 * The management CPU's image that was linked in, as a path for the model's
 * loader: valid until image_close. Returns a descriptor or a negative errno.
 */
int image_open(char *path, size_t room);
void image_close(int fd);

#endif
