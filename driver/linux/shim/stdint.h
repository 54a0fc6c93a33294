/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The generated register header asks for this; the kernel has the types elsewhere. */
#include <linux/types.h>
