/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The generated register header asks for this; the kernel has static_assert elsewhere. */
#include <linux/build_bug.h>
