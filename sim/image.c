// SPDX-License-Identifier: BSD-2-Clause
/*
 * The firmware lies in this program (image_data.S), so that it runs wherever it
 * was copied to. The model's loader wants a file: one in memory.
 */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char vesper_firmware[], vesper_firmware_end[];

int image_open(char *path, size_t room)
{
	size_t len = (size_t)(vesper_firmware_end - vesper_firmware);
	size_t at = 0;
	int fd = memfd_create("vesper-fw", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (at < len) {
		ssize_t n = write(fd, vesper_firmware + at, len - at);

		if (n <= 0) {
			image_close(fd);
			return -EIO;
		}
		at += (size_t)n;
	}
	snprintf(path, room, "/proc/self/fd/%d", fd);
	return fd;
}

void image_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
