// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* PCI: how a card is found, taken and given back. */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "vesper.h"

static const struct pci_device_id ids[] = { { PCI_DEVICE(VESPER_PCI_VENDOR, VESPER_PCI_DEVICE) },
					    {} };
MODULE_DEVICE_TABLE(pci, ids);

static void read_mac(struct vesper_nic *nic)
{
	u8 mac[8];

	put_unaligned_le32(vesper_read(nic, VESPER_REG(mac_lo)), mac);
	put_unaligned_le32(vesper_read(nic, VESPER_REG(mac_hi)), mac + 4);
	if (is_valid_ether_addr(mac)) {
		eth_hw_addr_set(nic->netdev, mac);
		return;
	}
	eth_hw_addr_random(nic->netdev);
	dev_warn(&nic->pdev->dev, "the card's MAC address %pM is none; random one: %pM\n", mac,
		 nic->netdev->dev_addr);
}

static int map_card(struct pci_dev *pdev)
{
	int err = pcim_enable_device(pdev);

	if (err)
		return dev_err_probe(&pdev->dev, err, "the device cannot be enabled\n");
	err = pcim_iomap_regions(pdev, BIT(0), VESPER_NAME);
	if (err)
		return dev_err_probe(&pdev->dev, err, "BAR 0 cannot be mapped\n");
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return dev_err_probe(&pdev->dev, err, "no 64-bit DMA\n");
	return 0;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	/* Before there is a net_device: just what vesper_hw_check() needs. */
	struct vesper_nic look = { .pdev = pdev };
	struct net_device *netdev;
	struct vesper_nic *nic;
	int err = map_card(pdev);

	if (err)
		return err;
	look.bar = pcim_iomap_table(pdev)[0];
	err = vesper_hw_check(&look);
	if (err)
		return err;
	pci_set_master(pdev);
	/* One more for events, if there is one. */
	err = pci_alloc_irq_vectors(pdev, look.queues, look.queues + 1, PCI_IRQ_MSIX);
	if (err < 0)
		return dev_err_probe(&pdev->dev, err, "no %u MSI-X vectors\n", look.queues);

	netdev = vesper_netdev_create(pdev, look.queues);
	if (!netdev) {
		err = -ENOMEM;
		goto out_irq;
	}
	nic = netdev_priv(netdev);
	nic->bar = look.bar;
	nic->abi = look.abi;
	nic->features = look.features;
	nic->fw_version = look.fw_version;
	nic->sa_entries = look.sa_entries;
	mutex_init(&nic->mbx_lock);
	vesper_health_init(nic);
	read_mac(nic);
	pci_set_drvdata(pdev, nic);
	err = vesper_xfrm_init(nic);
	if (!err)
		err = vesper_events_init(nic);
	if (err)
		goto out_netdev;
	vesper_offload_init(nic);
	vesper_rss_init(nic);
	vesper_coalesce_init(nic);
	err = vesper_devlink_create(nic);
	if (err)
		goto out_netdev;
	err = register_netdev(netdev);
	if (err) {
		dev_err(&pdev->dev, "the interface cannot be registered: %d\n", err);
		goto out_devlink;
	}
	pci_save_state(pdev); /* what slot_reset() restores */
	netdev_info(netdev, "%pM, ABI %u.%u, firmware %u.%u.%u, %u queue pairs\n", netdev->dev_addr,
		    nic->abi >> 16, nic->abi & 0xffff, nic->fw_version >> 24,
		    nic->fw_version >> 16 & 0xff, nic->fw_version & 0xffff, nic->queues);
	return 0;

out_devlink:
	vesper_devlink_destroy(nic);
out_netdev:
	vesper_xfrm_free(nic);
	free_netdev(netdev);
out_irq:
	pci_free_irq_vectors(pdev);
	pci_clear_master(pdev);
	return err;
}

static void remove(struct pci_dev *pdev)
{
	struct vesper_nic *nic = pci_get_drvdata(pdev);

	unregister_netdev(nic->netdev);
	cancel_work_sync(&nic->recover);
	vesper_devlink_destroy(nic);
	pci_free_irq_vectors(pdev);
	pci_clear_master(pdev);
	vesper_xfrm_free(nic);
	free_netdev(nic->netdev);
}

/* Before and after a function-level reset that somebody else asked for (sysfs, VFIO). */
static void reset_prepare(struct pci_dev *pdev)
{
	struct vesper_nic *nic = pci_get_drvdata(pdev);

	rtnl_lock();
	netif_device_detach(nic->netdev);
	if (netif_running(nic->netdev))
		vesper_down(nic);
	vesper_xfrm_away(nic);
	rtnl_unlock();
}

static void reset_done(struct pci_dev *pdev)
{
	struct vesper_nic *nic = pci_get_drvdata(pdev);
	int err = 0;

	rtnl_lock();
	pci_set_master(pdev);
	nic->dead = false;
	if (vesper_hw_check(nic)) {
		rtnl_unlock();
		return; /* it has said why, and the interface stays detached */
	}
	vesper_xfrm_back(nic);
	if (netif_running(nic->netdev))
		err = vesper_up(nic);
	if (err)
		dev_err(&pdev->dev, "the interface does not come up after the reset: %d\n", err);
	else
		netif_device_attach(nic->netdev);
	rtnl_unlock();
}

static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	reset_prepare(pdev);
	return state == pci_channel_io_perm_failure ? PCI_ERS_RESULT_DISCONNECT :
						      PCI_ERS_RESULT_NEED_RESET;
}

/* After an error that is not fatal nobody has reset the card, and it still has the SAs that resume will bring. */
static pci_ers_result_t slot_reset(struct pci_dev *pdev)
{
	int err = pcie_flr(pdev);

	pci_restore_state(pdev);
	pci_save_state(pdev);
	return err ? PCI_ERS_RESULT_DISCONNECT : PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_error_handlers error_handlers = {
	.error_detected = error_detected,
	.slot_reset = slot_reset,
	.resume = reset_done,
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};

static int suspend(struct device *dev)
{
	reset_prepare(to_pci_dev(dev));
	return 0;
}

static int resume(struct device *dev)
{
	reset_done(to_pci_dev(dev));
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(pm_ops, suspend, resume);

static struct pci_driver vesper_driver = {
	.name = VESPER_NAME,
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.err_handler = &error_handlers,
	.driver.pm = pm_sleep_ptr(&pm_ops),
};
module_pci_driver(vesper_driver);

MODULE_DESCRIPTION("Vesper, an open IPsec SmartNIC");
MODULE_AUTHOR("The Vesper authors");
MODULE_LICENSE("Dual BSD/GPL");
