/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the fake card's server and its insides. */
#ifndef VFIO_FAKE_CARD_H
#define VFIO_FAKE_CARD_H

#include "vfio_fake.h"

/* A write to BAR0, with what it sets off. Caller holds f->lock. */
void fake_bar_write(struct fake *f, u32 offset, const void *data, u32 count);

/* One step further towards death; is it dead? */
bool fake_dies(struct fake *f);

#endif
