# SPDX-License-Identifier: BSD-2-Clause
#
# Userspace driver. The library links these sources into itself.

VFIO_SRC := $(addprefix driver/vfio/vesper_,error.c pci.c vfio.c vfio_group.c vfio_iommufd.c vfio_user.c iova.c dma.c dev.c mbx.c queue.c burst.c events.c)
DRIVER_SRC := $(COMMON_SRC) $(VFIO_SRC)

FAKE_CARD := tests/unit/vfio_fake.c tests/unit/vfio_fake_card.c
$(foreach t,vfio_open vfio_mbx vfio_queue vfio_mad vfio_events,$(eval $(call unit_test,$(t),tests/unit/$(t).c $(FAKE_CARD) $(DRIVER_SRC),)))
$(eval $(call unit_test,vfio_sim,tests/unit/vfio_sim.c $(DRIVER_SRC),))
# What the kernel does when a file of sysfs is written.
VFIO_PCI_WRAP := -Wl,--wrap=write
$(eval $(call unit_test,vfio_pci,tests/unit/vfio_pci.c tests/unit/vfio_tree.c lib/cli/cards.c $(DRIVER_SRC),$(VFIO_PCI_WRAP) -lpci))
CFLAGS_tests/unit/vfio_pci.c := -Ilib/cli
# What it does when it is asked.
VFIO_WAYS_WRAP := -Wl,--wrap=ioctl
$(eval $(call unit_test,vfio_ways,tests/unit/vfio_ways.c tests/unit/vfio_tree.c $(DRIVER_SRC),$(VFIO_WAYS_WRAP)))

BURST_BENCH := $(BUILD)/bench-bin/driver_burst
$(eval $(call program,$(BURST_BENCH),rel,tests/bench/driver_burst.c $(DRIVER_SRC),))
BENCHES += $(BURST_BENCH)
BENCH_DEPS += $(BURST_BENCH)
