// SPDX-License-Identifier: BSD-2-Clause
/* vesper bind, unbind: from the kernel's driver to vfio-pci, and back. */
#include <errno.h>
#include <stdio.h>

#include "cli.h"
#include "vesper_dev.h"
#include "vesper_pci.h"

static int fail(const struct cli *cli, int err)
{
	return cli_fail(cli, err == -EINVAL ? CLI_USAGE : CLI_FAILED, "%s", vesper_dev_strerror());
}

static int bind_main(const struct cli *cli)
{
	struct vesper_pci card;
	int err = vesper_pci_look("", cli->args[0], &card);

	if (!err)
		err = vesper_pci_bind("", &card);
	if (err)
		return fail(cli, err);
	printf("%s is bound to " VESPER_PCI_DRIVER ", IOMMU group %d\n", card.address, card.group);
	return CLI_OK;
}

static int unbind_main(const struct cli *cli)
{
	struct vesper_pci card;
	int err = vesper_pci_look("", cli->args[0], &card);

	if (!err)
		err = vesper_pci_unbind("", &card);
	if (err)
		return fail(cli, err);
	printf("%s is bound to %s\n", card.address,
	       card.driver[0] ? card.driver : "no driver: none that is loaded knows it");
	return CLI_OK;
}

const struct cli_command cmd_bind = {
	.name = "bind",
	.args = "ADDRESS",
	.summary = "give the card at a PCI address to vfio-pci, for --card",
	.options = "",
	.min_args = 1,
	.max_args = 1,
	.run = bind_main,
};

const struct cli_command cmd_unbind = {
	.name = "unbind",
	.args = "ADDRESS",
	.summary = "give it back to the kernel's driver",
	.options = "",
	.min_args = 1,
	.max_args = 1,
	.run = unbind_main,
};
