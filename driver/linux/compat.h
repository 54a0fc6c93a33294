/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every difference between the kernels that this driver builds for (6.1 and newer), and nothing else. */
#ifndef VESPER_LINUX_COMPAT_H
#define VESPER_LINUX_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#include <net/page_pool.h>
#else
#include <net/page_pool/helpers.h>
#endif

#endif
