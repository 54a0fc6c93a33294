// SPDX-License-Identifier: BSD-2-Clause
/* Management firmware of the card: self-test, then the host's requests, asleep in between. */
#include "card.h"
#include "mailbox.h"

int main(void)
{
	card_start();
	for (;;) {
		mmio_sleep();
		if (mailbox_pending())
			mailbox_serve();
	}
}
