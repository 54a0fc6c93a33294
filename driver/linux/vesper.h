/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The driver's own structures. One concept a file:
 *
 *   main.c     PCI: probe, remove, reset
 *   hw.c       registers, mailbox
 *   ring.c     memory of a queue pair, enable and disable
 *   tx.c rx.c  the two halves of a queue pair's work
 *   offload.c  checksums and segmentation: what the stack leaves to the card
 *   rss.c      which received frame goes to which pair
 *   filter.c   for which addresses frames are received
 *   netdev.c   what the stack calls
 *   stats.c    counts of the interface and of each pair
 *   health.c   watchdog: a dead card, a halted pair, a lost interrupt; recovery
 *   devlink.c  versions, health reporters
 *   ethtool.c  what ethtool asks
 *   coalesce.c interrupt moderation
 *   xfrm*.c    IPsec offload
 *
 * All of a queue pair's rings belong to its NAPI context but for the TX tail,
 * which the stack's TX lock of that queue guards.
 */
#ifndef VESPER_LINUX_H
#define VESPER_LINUX_H

#include <linux/ethtool.h>
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "vesper_abi.h"
#include "vesper_regs.h"
#include "vesper_ring.h"

#define VESPER_NAME	       "vesper"
#define VESPER_QUEUES_MAX      16
#define VESPER_TX_RING_DEFAULT 8  /* log2 */
#define VESPER_RX_RING_DEFAULT 10 /* 1.5 MB may come while nobody looks */
#define VESPER_RING_MAX_LOG2   12
#define VESPER_TX_LOG2_MIN     6 /* a frame takes up to TX_RESERVE descriptors (tx.c) */
#define VESPER_MTU_MAX	       (VESPER_FRAME_MAX - ETH_HLEN - VLAN_HLEN)
#define VESPER_RSS_KEY	       sizeof_field(vesper_t, rss_key)
#define VESPER_RSS_TABLE       sizeof_field(vesper_t, rss_table)

/* What went wrong since the pairs were started. */
enum vesper_fault {
	VESPER_FAULT_NONE,
	VESPER_FAULT_GONE,
	VESPER_FAULT_TX_TIMEOUT,
	VESPER_FAULT_HALTED,	 /* the pair met an error on its rings */
	VESPER_FAULT_COMPLETION, /* a completion that cannot be */
	VESPER_FAULT_FIRMWARE,
	VESPER_FAULT_TEST_QUEUES, /* devlink health test */
	VESPER_FAULT_TEST_FIRMWARE,
};

struct vesper_packet;
struct vesper_xs;

/* What a frame wants of the card, in the words of its TX descriptor. */
struct vesper_tx_esp {
	u32 sa;
	u64 seq; /* not 0: goes before it in a context */
	u8 op;
};

/* What is to be put into a frame, or to be made of it: it goes before it in a context. */
struct vesper_tx_offload {
	u8 flags; /* VESPER_TXF_* */
	u16 csum_start, csum_offset;
	u16 mss, hdr_len, l3_offset;
	u16 frames; /* that come of it */
	u32 bytes;  /* of all of them */
};

enum vesper_tx_map { VESPER_MAP_NONE, VESPER_MAP_SINGLE, VESPER_MAP_PAGE };

/* A descriptor of the ring. A frame has one or more, and perhaps a context before. */
struct vesper_tx_slot {
	bool open; /* has not completed */
	u8 map;	   /* enum vesper_tx_map: of memory that begins here; until the frame is done */
	/* With the last descriptor of a frame: */
	u16 first; /* its first one */
	u16 frames;
	u32 bytes;
	struct sk_buff *skb; /* NULL: another one */
	dma_addr_t dma;
	u32 len;
};

struct vesper_tx {
	struct vesper_tx_desc *desc;
	struct vesper_tx_cpl *cpl;
	dma_addr_t desc_dma, cpl_dma;
	struct vesper_tx_slot *slot;
	u16 tail; /* next to be written */
	u16 head; /* oldest that has not completed */
	u16 seen; /* completions taken */
	u8 log2;

	struct u64_stats_sync sync;
	u64 packets, bytes, dropped, stopped, linearized, csum, tso, tso_frames;
};

struct vesper_rx {
	struct vesper_rx_desc *desc;
	struct vesper_rx_cpl *cpl;
	dma_addr_t desc_dma, cpl_dma;
	struct page **page; /* of each posted buffer */
	struct page_pool *pool;
	u32 buf_size; /* bytes that the card may write */
	u32 truesize; /* bytes of a buffer, all in all */
	u16 tail;     /* next to be posted */
	u16 head;     /* oldest posted */
	u16 seen;
	u8 log2;
	u32 held_sa; /* by which the frames came that GRO holds; 0: in clear */

	struct u64_stats_sync sync;
	u64 packets, bytes, dropped, errors, no_page, empty, csum_ok, csum_none;
};

struct vesper_pair {
	struct vesper_nic *nic;
	struct napi_struct napi;
	u16 id;
	u16 quiet;	 /* looks of the watchdog at work that waits */
	u32 seen_before; /* completions taken at its last look */
	u16 armed_at;	 /* completions taken when it was armed last */
	u32 moderation;	 /* as the card has it */
	char irq_name[IFNAMSIZ + 8];
	u64 interrupts, lost_interrupts;
	struct vesper_tx tx;
	struct vesper_rx rx;
};

struct vesper_nic {
	struct pci_dev *pdev;
	struct net_device *netdev;
	u8 __iomem *bar;
	struct vesper_pair *pair[VESPER_QUEUES_MAX];
	u16 queues; /* pairs of the card */
	u16 used;   /* pairs that run while the interface is up: the first ones */
	bool up;    /* vesper_up() has been, and not vesper_down() */
	u8 tx_log2, rx_log2;
	u32 features; /* VESPER_FEAT_* */
	u32 fw_version;
	u32 abi;
	u32 rss_types; /* rss.c */
	u8 rss_key[VESPER_RSS_KEY];
	u8 rss_table[VESPER_RSS_TABLE];
	u32 irq_usecs, irq_frames; /* coalesce.c */
	bool irq_adaptive;
	bool udp6_checksum_0; /* ethtool.c */

	struct mutex mbx_lock; /* one message at a time */
	u32 mbx_tag;

	struct delayed_work watchdog;
	struct work_struct recover;
	struct devlink *devlink;
	enum vesper_fault fault; /* the first one since the pairs were started */
	bool dead;		 /* the bus reads all ones: nothing is asked of it any more */
	u64 resets;

	struct vesper_xs __rcu **sa_in; /* inbound SAs by the index of their handle */
	struct mutex sa_lock;		/* of the list and the card's SAs; held while it is asked */
	struct list_head sas;		/* struct vesper_xs: every SA that the stack has given us */
	bool sas_away;			/* the card is being reset, and has none of them */
	u32 sa_entries;
	atomic64_t sa_card, sa_software; /* SAs on the card; refused, so in software */
	struct vesper_packet *packet;	 /* xfrm_packet.c */
	atomic64_t packet_sas, packet_policies, packet_refused;
	struct vesper_events *events; /* events.c; NULL: none */
	atomic64_t limit_events;
};

/* ---- hw.c ---- */

#define VESPER_REG(name) offsetof(vesper_t, name)
#define VESPER_QUEUE_REG(id, name)                                                 \
	(offsetof(vesper_t, queue) + (id) * sizeof(vesper__queue_rf__stride80_t) + \
	 offsetof(vesper__queue_rf__stride80_t, name))
#define VESPER_DOORBELL_REG(id, name)                                                      \
	(offsetof(vesper_t, doorbell) + (id) * sizeof(vesper__doorbell_rf__stride1000_t) + \
	 offsetof(vesper__doorbell_rf__stride1000_t, name))

static inline u32 vesper_read(const struct vesper_nic *nic, u32 offset)
{
	return readl(nic->bar + offset);
}

static inline void vesper_write(const struct vesper_nic *nic, u32 offset, u32 value)
{
	writel(value, nic->bar + offset);
}

int vesper_hw_check(struct vesper_nic *nic);
bool vesper_hw_gone(struct vesper_nic *nic);
int vesper_mbx_head(struct vesper_nic *nic, void *msg, u16 len, void *rsp, u16 head, u16 rsp_len);
int vesper_mbx(struct vesper_nic *nic, void *msg, u16 len, void *rsp, u16 rsp_len);
int vesper_hw_stats(struct vesper_nic *nic, struct vesper_stats *stats);

/* ---- ring.c ---- */

int vesper_pair_alloc(struct vesper_pair *pair);
void vesper_pair_free(struct vesper_pair *pair);
int vesper_pair_start(struct vesper_pair *pair);
void vesper_pair_stop(struct vesper_pair *pair);
void vesper_pair_arm(struct vesper_pair *pair);

/* ---- tx.c, rx.c ---- */

netdev_tx_t vesper_xmit(struct sk_buff *skb, struct net_device *netdev);
bool vesper_tx_clean(struct vesper_pair *pair, int budget);
void vesper_tx_drain(struct vesper_pair *pair);
int vesper_rx_poll(struct vesper_pair *pair, int budget);
void vesper_rx_refill(struct vesper_pair *pair);
void vesper_rx_drain(struct vesper_pair *pair);
u32 vesper_rx_buf_size(unsigned int mtu);
unsigned int vesper_rx_order(unsigned int mtu);

/* ---- offload.c ---- */

void vesper_offload_init(struct vesper_nic *nic);
netdev_features_t vesper_fix_features(struct net_device *netdev, netdev_features_t features);
netdev_features_t vesper_features_check(struct sk_buff *skb, struct net_device *netdev,
					netdev_features_t features);
int vesper_offload_tx(struct sk_buff *skb, struct vesper_tx_offload *off);
void vesper_offload_rx(struct vesper_pair *pair, struct sk_buff *skb,
		       const struct vesper_rx_cpl *cpl);

/* ---- rss.c ---- */

void vesper_rss_init(struct vesper_nic *nic);
void vesper_rss_default(struct vesper_nic *nic);
void vesper_rss_apply(struct vesper_nic *nic);
u32 vesper_rss_rings(struct net_device *netdev);
u32 vesper_rss_key_size(struct net_device *netdev);
u32 vesper_rss_table_size(struct net_device *netdev);
void vesper_rss_get(struct net_device *netdev, u32 *table, u8 *key, u8 *hfunc);
int vesper_rss_set(struct net_device *netdev, const u32 *table, const u8 *key, u8 hfunc,
		   struct netlink_ext_ack *extack);
int vesper_rss_get_fields(struct net_device *netdev, u32 flow, u32 *fields);
int vesper_rss_set_fields(struct net_device *netdev, u32 flow, u32 fields,
			  struct netlink_ext_ack *extack);

/* ---- filter.c ---- */

void vesper_set_rx_mode(struct net_device *netdev);
int vesper_set_mac_address(struct net_device *netdev, void *addr);
void vesper_filter_apply(struct vesper_nic *nic);

/* ---- coalesce.c ---- */

int vesper_get_coalesce(struct net_device *netdev, struct ethtool_coalesce *coalesce,
			struct kernel_ethtool_coalesce *kernel_coalesce,
			struct netlink_ext_ack *extack);
int vesper_set_coalesce(struct net_device *netdev, struct ethtool_coalesce *coalesce,
			struct kernel_ethtool_coalesce *kernel_coalesce,
			struct netlink_ext_ack *extack);
void vesper_coalesce_init(struct vesper_nic *nic);
void vesper_coalesce_start(struct vesper_pair *pair);
void vesper_coalesce_adapt(struct vesper_pair *pair);

/* ---- netdev.c ---- */

struct net_device *vesper_netdev_create(struct pci_dev *pdev, u16 queues);
int vesper_up(struct vesper_nic *nic);
void vesper_down(struct vesper_nic *nic);

/* ---- stats.c ---- */

void vesper_get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *stats);
void vesper_stats_init(struct net_device *netdev);

/* ---- health.c ---- */

void vesper_health_init(struct vesper_nic *nic);
void vesper_health_start(struct vesper_nic *nic);
void vesper_health_stop(struct vesper_nic *nic);
bool vesper_fault(struct vesper_nic *nic, enum vesper_fault fault);
int vesper_recover_queues(struct vesper_nic *nic);
int vesper_recover_card(struct vesper_nic *nic);

/* ---- events.c ---- */

int vesper_events_init(struct vesper_nic *nic);
void vesper_events_start(struct vesper_nic *nic);
void vesper_events_stop(struct vesper_nic *nic);

/* ---- devlink.c ---- */

int vesper_devlink_create(struct vesper_nic *nic);
void vesper_devlink_destroy(struct vesper_nic *nic);
void vesper_devlink_report(struct vesper_nic *nic, bool firmware, const char *text);

/* ---- xfrm*.c ---- */

int vesper_xfrm_init(struct vesper_nic *nic);
void vesper_xfrm_free(struct vesper_nic *nic);
void vesper_xfrm_away(struct vesper_nic *nic);
void vesper_xfrm_back(struct vesper_nic *nic);
int vesper_xfrm_tx(struct sk_buff *skb, struct vesper_tx_esp *esp);
netdev_features_t vesper_xfrm_features(const struct sk_buff *skb, netdev_features_t features);
int vesper_xfrm_rx(struct vesper_nic *nic, struct sk_buff *skb, const struct vesper_rx_cpl *cpl);

/* ---- ethtool.c ---- */

extern const struct ethtool_ops vesper_ethtool_ops;

#endif
