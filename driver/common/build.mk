# SPDX-License-Identifier: BSD-2-Clause
#
# Freestanding C for driver, library and firmware: whoever uses it compiles it.

COMMON_SRC := $(addprefix driver/common/,vesper_sa.c vesper_policy.c vesper_status.c)

$(eval $(call unit_test,common_sa,tests/unit/common_sa.c $(COMMON_SRC),))
$(eval $(call unit_test,common_ring,tests/unit/common_ring.c,))
