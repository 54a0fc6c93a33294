// SPDX-License-Identifier: BSD-2-Clause
/* DEVICE_SET_IRQS: which eventfd a vector signals, masks, and the test trigger. */
#include "log.h"
#include "vfio_user.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

struct set_irqs {
	uint32_t argsz, flags, index, start, count;
};

static unsigned int index_vectors(const struct vfu_device *dev, uint32_t index)
{
	return index == VFIO_PCI_MSIX_IRQ_INDEX ? dev->irq.vectors : 0;
}

static int check(const struct vfu_device *dev, const struct vfu_msg *msg, const struct set_irqs *s)
{
	uint32_t data = s->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	uint32_t action = s->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	unsigned int vectors;

	if (s->index >= VFIO_PCI_NUM_IRQS) {
		sim_log(LOG_WARN, "SET_IRQS: index %u is not below %u", s->index,
			VFIO_PCI_NUM_IRQS);
		return -EINVAL;
	}
	if (__builtin_popcount(data) != 1 || __builtin_popcount(action) != 1 ||
	    s->flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK)) {
		sim_log(LOG_WARN, "SET_IRQS: flags 0x%x are not one kind of data and one action",
			s->flags);
		return -EINVAL;
	}
	vectors = index_vectors(dev, s->index);
	if (s->start > vectors || s->count > vectors - s->start) {
		sim_log(LOG_WARN,
			"SET_IRQS: start %u, count %u is beyond the %u vectors of index %u",
			s->start, s->count, vectors, s->index);
		return -EINVAL;
	}
	if (data == VFIO_IRQ_SET_DATA_BOOL && msg->len < sizeof(*s) + s->count) {
		sim_log(LOG_WARN, "SET_IRQS: %zu bytes of data for count %u", msg->len - sizeof(*s),
			s->count);
		return -EINVAL;
	}
	if (data == VFIO_IRQ_SET_DATA_EVENTFD && action != VFIO_IRQ_SET_ACTION_TRIGGER) {
		sim_log(LOG_WARN, "SET_IRQS: flags 0x%x: masking by eventfd is not supported",
			s->flags);
		return -ENOTSUP;
	}
	if (msg->nfds && (data != VFIO_IRQ_SET_DATA_EVENTFD || msg->nfds != s->count)) {
		sim_log(LOG_WARN, "SET_IRQS: %u descriptors for count %u, flags 0x%x", msg->nfds,
			s->count, s->flags);
		return -EINVAL;
	}
	return 0;
}

static void set_one(struct vfu_device *dev, struct vfu_msg *msg, const struct set_irqs *s,
		    uint32_t i)
{
	unsigned int v = s->start + i;

	if (s->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		/* A count without descriptors takes the vectors' eventfds away. */
		irq_set_fd(&dev->irq, v, msg->nfds ? msg->fds[i] : -1);
		if (msg->nfds)
			msg->fds[i] = -1;
		return;
	}
	if (s->flags & VFIO_IRQ_SET_DATA_BOOL && !msg->body[sizeof(*s) + i])
		return;
	if (s->flags & VFIO_IRQ_SET_ACTION_TRIGGER)
		irq_raise(&dev->irq, v);
	else
		irq_set_mask(&dev->irq, v, s->flags & VFIO_IRQ_SET_ACTION_MASK);
}

int vfu_set_irqs(struct vfu_device *dev, struct vfu_msg *msg)
{
	struct set_irqs s;
	uint32_t i;
	int ret;

	if (msg->len < sizeof(s)) {
		sim_log(LOG_WARN, "SET_IRQS: %zu bytes, needs %zu", msg->len, sizeof(s));
		return -EINVAL;
	}
	memcpy(&s, msg->body, sizeof(s));
	ret = check(dev, msg, &s);
	if (ret)
		return ret;
	if (s.index != VFIO_PCI_MSIX_IRQ_INDEX)
		return 0; /* nothing there, and nothing asked of it */
	if (!s.count && s.flags == (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER))
		irq_reset(&dev->irq);
	for (i = 0; i < s.count; i++)
		set_one(dev, msg, &s, i);
	return 0;
}
