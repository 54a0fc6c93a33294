// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* For which addresses the card takes frames: its own, some others, all multicast, or all. */
#include <linux/etherdevice.h>

#include "vesper.h"

#define FILTERS	    (sizeof_field(vesper_t, filter) / FILTER_SIZE)
#define FILTER_SIZE sizeof(vesper__filter_rf_t)

static u32 address_lo(const u8 *address)
{
	return get_unaligned_le32(address);
}

static u32 address_hi(const u8 *address)
{
	return get_unaligned_le16(address + 4);
}

static void put_filter(struct vesper_nic *nic, u32 number, const u8 *address)
{
	u32 at = VESPER_REG(filter) + number * FILTER_SIZE;
	u32 hi = at + offsetof(vesper__filter_rf_t, hi);

	/* Never half of the old address with half of the new one. */
	vesper_write(nic, hi, 0);
	if (!address)
		return;
	vesper_write(nic, at + offsetof(vesper__filter_rf_t, lo), address_lo(address));
	vesper_write(nic, hi, address_hi(address) | VESPER__FILTER_RF__HI__VALID_bm);
}

/**
 * vesper_set_rx_mode - the stack's lists of addresses go to the card
 *
 * Runs under the lock of the lists, so it must not wait. What does not fit into the card's filter is received by way
 * of more: all multicast frames, or all frames; the stack looks again whom they are for.
 */
void vesper_set_rx_mode(struct net_device *netdev)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	struct netdev_hw_addr *ha;
	u32 used = 0, mode = 0;

	/* A card without a filter delivers every frame. The stack needs this function to accept multicast addresses. */
	if (!(nic->features & VESPER_FEAT_FILTER))
		return;
	if (netdev->flags & IFF_PROMISC || netdev_uc_count(netdev) > FILTERS)
		mode |= VESPER__RX_FILTER_R__PROMISC_bm;
	else
		netdev_for_each_uc_addr(ha, netdev) put_filter(nic, used++, ha->addr);
	if (netdev->flags & IFF_ALLMULTI || netdev_mc_count(netdev) > FILTERS - used)
		mode |= VESPER__RX_FILTER_R__ALL_MULTICAST_bm;
	else
		netdev_for_each_mc_addr(ha, netdev) put_filter(nic, used++, ha->addr);
	vesper_write(nic, VESPER_REG(rx_filter), mode);
	while (used < FILTERS)
		put_filter(nic, used++, NULL);
}

static void put_station(struct vesper_nic *nic)
{
	if (!(nic->features & VESPER_FEAT_FILTER))
		return;
	vesper_write(nic, VESPER_REG(station_lo), address_lo(nic->netdev->dev_addr));
	vesper_write(nic, VESPER_REG(station_hi), address_hi(nic->netdev->dev_addr));
}

int vesper_set_mac_address(struct net_device *netdev, void *addr)
{
	struct vesper_nic *nic = netdev_priv(netdev);
	int err = eth_mac_addr(netdev, addr);

	if (!err && nic->up)
		put_station(nic);
	return err;
}

/* All of it, to a card that knows nothing; the interface comes up. */
void vesper_filter_apply(struct vesper_nic *nic)
{
	put_station(nic);
	netif_addr_lock_bh(nic->netdev);
	vesper_set_rx_mode(nic->netdev);
	netif_addr_unlock_bh(nic->netdev);
}
