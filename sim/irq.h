/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X vectors as eventfds. The table in BAR2 belongs to the client (QEMU
 * keeps its own); here a vector is a descriptor to signal, a mask, and a
 * pending bit for a message that nobody could be told of.
 */
#ifndef SIM_IRQ_H
#define SIM_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#define IRQ_VECTORS_MAX 64u

struct irq {
	unsigned int vectors;
	int fd[IRQ_VECTORS_MAX]; /* -1: none */
	uint64_t masked;	 /* a bit a vector */
	uint64_t pending;
	uint64_t raised; /* messages from the card */
};

void irq_init(struct irq *irq, unsigned int vectors);

/* Takes over `fd` (-1: none) for vector `v`, closes the old one, delivers what is pending. */
void irq_set_fd(struct irq *irq, unsigned int v, int fd);
void irq_set_mask(struct irq *irq, unsigned int v, bool masked);

/* A message from the card, or from the client's test trigger; beyond the vectors: -EINVAL. */
int irq_raise(struct irq *irq, unsigned int v);

/* Closes all descriptors, unmasks, forgets what is pending. */
void irq_reset(struct irq *irq);

#endif
