// SPDX-License-Identifier: BSD-2-Clause
/* Interrupt messages to eventfds. */
#include "irq.h"
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void irq_init(struct irq *irq, unsigned int vectors)
{
	memset(irq, 0, sizeof(*irq));
	memset(irq->fd, -1, sizeof(irq->fd));
	irq->vectors = vectors < IRQ_VECTORS_MAX ? vectors : IRQ_VECTORS_MAX;
}

static void deliver(struct irq *irq, unsigned int v)
{
	const uint64_t one = 1;
	struct pollfd out = { .fd = irq->fd[v], .events = POLLOUT };

	if (irq->fd[v] < 0 || (irq->masked >> v & 1)) {
		irq->pending |= 1ull << v;
		return;
	}
	irq->pending &= ~(1ull << v);
	/* It may be any descriptor, and must not block us; a full one already says what it has to. */
	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT))
		return;
	if (write(irq->fd[v], &one, sizeof(one)) != sizeof(one) && errno != EAGAIN)
		sim_log(LOG_WARN, "interrupt %u: its descriptor refuses the event: %s", v,
			strerror(errno));
}

void irq_set_fd(struct irq *irq, unsigned int v, int fd)
{
	if (irq->fd[v] >= 0)
		close(irq->fd[v]);
	irq->fd[v] = fd;
	if (fd >= 0 && (irq->pending >> v & 1))
		deliver(irq, v);
}

void irq_set_mask(struct irq *irq, unsigned int v, bool masked)
{
	if (masked) {
		irq->masked |= 1ull << v;
		return;
	}
	irq->masked &= ~(1ull << v);
	if (irq->pending >> v & 1)
		deliver(irq, v);
}

int irq_raise(struct irq *irq, unsigned int v)
{
	irq->raised++;
	if (v >= irq->vectors)
		return -EINVAL;
	deliver(irq, v);
	return 0;
}

void irq_reset(struct irq *irq)
{
	unsigned int v;

	for (v = 0; v < irq->vectors; v++)
		irq_set_fd(irq, v, -1);
	irq->masked = 0;
	irq->pending = 0;
}
