// SPDX-License-Identifier: BSD-2-Clause
/* Opening a card: is it one, do we know its ABI, and does its firmware run? */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "vesper_dev_priv.h"
#include "vesper_pci.h"

#define PCI_VENDOR_ID	   0x00
#define PCI_COMMAND	   0x04
#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_MASTER 0x4

#define TIMEOUT_DEFAULT_MS 10000
#define CONTROL_MASK                                                     \
	(VESPER_CONTROL_MISS_TO_HOST | VESPER_CONTROL_FRAGMENT_TO_HOST | \
	 VESPER_CONTROL_RX_ENABLE | VESPER_CONTROL_POLICY_BYPASS)

int vesper_reg_read(struct vesper_dev *dev, u32 offset, u32 *value)
{
	vesper_le32 word = 0;
	int err = dev->t->ops->read(dev->t, VESPER_REGION_BAR0, offset, &word, 4);

	*value = le32_to_cpu(word);
	return err;
}

int vesper_reg_write(struct vesper_dev *dev, u32 offset, u32 value)
{
	vesper_le32 word = cpu_to_le32(value);

	return dev->t->ops->write(dev->t, VESPER_REGION_BAR0, offset, &word, 4);
}

void vesper_backoff(u32 round)
{
	if (round)
		usleep(round < 7 ? 50u << round : 5000);
}

static int set_command(struct vesper_dev *dev, u16 bits)
{
	vesper_le16 word = cpu_to_le16(bits);

	return dev->t->ops->write(dev->t, VESPER_REGION_CONFIG, PCI_COMMAND, &word, sizeof(word));
}

static int check_pci(struct vesper_dev *dev)
{
	vesper_le16 ids[2] = { 0 };
	int err = dev->t->ops->read(dev->t, VESPER_REGION_CONFIG, PCI_VENDOR_ID, ids, sizeof(ids));

	if (err)
		return err;
	if (le16_to_cpu(ids[0]) != VESPER_PCI_VENDOR || le16_to_cpu(ids[1]) != VESPER_PCI_DEVICE)
		return vesper_error(-ENODEV,
				    "not a Vesper card: PCI ID %04x:%04x, expected %04x:%04x",
				    le16_to_cpu(ids[0]), le16_to_cpu(ids[1]), VESPER_PCI_VENDOR,
				    VESPER_PCI_DEVICE);
	if (dev->t->bar0_size < VESPER_BAR0_SIZE)
		return vesper_error(-ENODEV, "not a Vesper card: BAR0 has %llu bytes, expected %u",
				    (unsigned long long)dev->t->bar0_size, VESPER_BAR0_SIZE);
	return 0;
}

static int check_identity(struct vesper_dev *dev, u32 wanted)
{
	u32 id, abi, features, geometry;
	int err;

	err = vesper_reg_read(dev, REG(id), &id);
	if (err)
		return err;
	if (id == 0xffffffff)
		return vesper_error(-ENODEV,
				    "the card does not answer: its registers read as all ones");
	if (id != VESPER__ID_R__MAGIC_reset)
		return vesper_error(-ENODEV, "not a Vesper card: magic 0x%08x, expected 0x%08x", id,
				    VESPER__ID_R__MAGIC_reset);
	err = vesper_reg_read(dev, REG(abi), &abi);
	if (err)
		return err;
	if (abi >> VESPER__ABI_R__MAJOR_bp != VESPER_ABI_MAJOR)
		return vesper_error(-EPROTONOSUPPORT,
				    "the card has ABI %u.%u, this driver knows %u only",
				    abi >> VESPER__ABI_R__MAJOR_bp, abi & VESPER__ABI_R__MINOR_bm,
				    VESPER_ABI_MAJOR);
	err = vesper_reg_read(dev, REG(features), &features);
	if (err)
		return err;
	if (wanted & ~features)
		return vesper_error(-EOPNOTSUPP,
				    "the card lacks features 0x%x of 0x%x (it has 0x%x)",
				    wanted & ~features, wanted, features);
	err = vesper_reg_read(dev, REG(geometry), &geometry);
	if (err)
		return err;
	dev->queues = geometry & VESPER__GEOMETRY_R__QUEUES_bm;
	if (!dev->queues || dev->queues > VESPER_QUEUES_MAX)
		return vesper_error(-ENODEV, "the card claims %u queue pairs, expected 1 to %u",
				    dev->queues, VESPER_QUEUES_MAX);
	return 0;
}

static int wait_firmware(struct vesper_dev *dev, bool closed_ok)
{
	u64 deadline = vesper_now_ms() + dev->timeout_ms;
	u32 state, round = 0;
	bool late;
	int err;

	for (;;) {
		late = vesper_now_ms() >= deadline;
		err = vesper_reg_read(dev, REG(state), &state);
		if (err)
			return err;
		if (state & VESPER__STATE_R__FW_DEAD_bm)
			return vesper_error(
				-EIO, "the card's firmware stopped on a trap (state 0x%x)", state);
		if (state & VESPER__STATE_R__FW_READY_bm) {
			if (state & VESPER__STATE_R__DATA_PATH_OPEN_bm)
				return 0;
			if (state & VESPER__STATE_R__SELFTEST_FAILED_bm)
				break;
		}
		if (late)
			return vesper_error(
				-ETIMEDOUT,
				"the card's firmware was not ready within %u ms (state 0x%x)",
				dev->timeout_ms, state);
		vesper_backoff(++round);
	}
	if (closed_ok)
		return 0;
	return vesper_error(-ENOTRECOVERABLE,
			    "the card's self-test failed and its data path is closed (state 0x%x)",
			    state);
}

int vesper_queue_stop(struct vesper_dev *dev, u32 id)
{
	u64 deadline = vesper_now_ms() + dev->timeout_ms;
	u32 state, round = 0;
	bool late;
	int err;

	err = vesper_reg_write(dev, QUEUE_REG(id, ctrl), 0);
	while (!err) {
		late = vesper_now_ms() >= deadline;
		err = vesper_reg_read(dev, QUEUE_REG(id, state), &state);
		if (err || !(state & VESPER__QUEUE_RF__STATE__ACTIVE_bm))
			break;
		if (late)
			return vesper_error(-EBUSY,
					    "queue pair %u does not stop within %u ms (state 0x%x)",
					    id, dev->timeout_ms, state);
		vesper_backoff(++round);
	}
	return err;
}

static int start(struct vesper_dev *dev, const struct vesper_dev_opts *o)
{
	u32 id;
	int err;

	err = check_pci(dev);
	if (!err && (o->flags & VESPER_DEV_RESET))
		err = dev->t->ops->reset(dev->t);
	if (!err)
		err = set_command(dev, PCI_COMMAND_MEMORY);
	if (!err)
		err = check_identity(dev, o->features);
	if (!err)
		err = wait_firmware(dev, o->flags & VESPER_DEV_CLOSED_OK);
	/* First tell all to stop, so that none of a former user's starts anew. */
	for (id = 0; !err && id < dev->queues; id++)
		err = vesper_reg_write(dev, QUEUE_REG(id, ctrl), 0);
	if (!err)
		err = vesper_reg_write(dev, REG(event_ctrl), 0);
	if (!err)
		err = set_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (id = 0; !err && id < dev->queues; id++)
		err = vesper_queue_stop(dev, id);
	return err;
}

/* Copy options of any version: what the caller does not know is zero. */
static int read_opts(const struct vesper_dev_opts *opts, struct vesper_dev_opts *o)
{
	memset(o, 0, sizeof(*o));
	if (!opts)
		return vesper_error(-EINVAL, "no options given");
	if (opts->size < offsetof(struct vesper_dev_opts, flags) || opts->size > sizeof(*o))
		return vesper_error(-EINVAL,
				    "option size is %zu, this driver knows %zu to %zu bytes",
				    opts->size, offsetof(struct vesper_dev_opts, flags),
				    sizeof(*o));
	memcpy(o, opts, opts->size);
	if (o->flags & ~(VESPER_DEV_RESET | VESPER_DEV_CLOSED_OK))
		return vesper_error(-EINVAL, "option flags 0x%x are unknown",
				    o->flags & ~(VESPER_DEV_RESET | VESPER_DEV_CLOSED_OK));
	if (!o->card == !o->transport)
		return vesper_error(-EINVAL, "give a card's name or a transport, not both");
	if (!o->timeout_ms)
		o->timeout_ms = TIMEOUT_DEFAULT_MS;
	return 0;
}

static int open_transport(struct vesper_dev_opts *o)
{
	if (vesper_pci_address(o->card, NULL))
		return vesper_vfio_open("", o->card, &o->transport);
	return vesper_vfio_user_open(o->card, o->timeout_ms, &o->transport);
}

int vesper_dev_open(const struct vesper_dev_opts *opts, struct vesper_dev **result)
{
	struct vesper_dev_opts o;
	struct vesper_dev *dev;
	int err;

	*result = NULL;
	err = read_opts(opts, &o);
	if (!err && !o.transport)
		err = open_transport(&o);
	if (err)
		goto fail;
	dev = calloc(1, sizeof(*dev));
	if (!dev) {
		err = vesper_error(-ENOMEM, "out of memory");
		goto fail;
	}
	dev->t = o.transport;
	dev->timeout_ms = o.timeout_ms;
	pthread_mutex_init(&dev->lock, NULL);
	pthread_mutex_init(&dev->mbx_lock, NULL);
	err = start(dev, &o);
	if (err) {
		vesper_dev_close(dev);
		return err;
	}
	*result = dev;
	return 0;
fail:
	if (o.transport)
		o.transport->ops->close(o.transport);
	return err;
}

void vesper_dev_close(struct vesper_dev *dev)
{
	u32 id;

	if (!dev)
		return;
	for (id = 0; id < VESPER_QUEUES_MAX; id++)
		vesper_queue_close(dev->queue[id]);
	vesper_dev_events_close(dev);
	dev->t->ops->close(dev->t);
	pthread_mutex_destroy(&dev->lock);
	pthread_mutex_destroy(&dev->mbx_lock);
	free(dev);
}

int vesper_dev_info(struct vesper_dev *dev, struct vesper_dev_info *info)
{
	u32 abi, features, geometry, version, state, lo, hi;
	const struct {
		u32 offset;
		u32 *value;
	} regs[] = {
		{ REG(abi), &abi },	      { REG(features), &features },
		{ REG(geometry), &geometry }, { REG(fw_version), &version },
		{ REG(state), &state },	      { REG(mac_lo), &lo },
		{ REG(mac_hi), &hi },
	};
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		err = vesper_reg_read(dev, regs[i].offset, regs[i].value);
		if (err)
			return err;
	}
	*info = (struct vesper_dev_info){
		.abi_major = (u16)(abi >> VESPER__ABI_R__MAJOR_bp),
		.abi_minor = (u16)abi,
		.features = features,
		.fw_version = version,
		.sa_entries = 1u << (geometry >> VESPER__GEOMETRY_R__SA_LOG2_bp & 31),
		.queues = (u16)dev->queues,
		.gcm_blocks = (u8)(geometry >> VESPER__GEOMETRY_R__BLOCKS_bp),
		.mac = { (u8)lo, (u8)(lo >> 8), (u8)(lo >> 16), (u8)(lo >> 24), (u8)hi,
			 (u8)(hi >> 8) },
		.fw_ready = state & VESPER__STATE_R__FW_READY_bm,
		.data_path_open = state & VESPER__STATE_R__DATA_PATH_OPEN_bm,
		.selftest_failed = state & VESPER__STATE_R__SELFTEST_FAILED_bm,
		.fw_dead = state & VESPER__STATE_R__FW_DEAD_bm,
		.transport = dev->t->ops->name,
	};
	return 0;
}

int vesper_dev_set_config(struct vesper_dev *dev, const struct vesper_dev_config *config)
{
	int err;

	if (config->control & ~CONTROL_MASK)
		return vesper_error(-EINVAL, "control bits 0x%x are unknown",
				    config->control & ~CONTROL_MASK);
	if (config->mtu < VESPER_FRAME_MIN || config->mtu > VESPER_FRAME_MAX)
		return vesper_error(-EINVAL, "mtu is %u, expected %u to %u bytes", config->mtu,
				    VESPER_FRAME_MIN, VESPER_FRAME_MAX);
	if (config->rx_queue >= dev->queues)
		return vesper_error(-EINVAL, "rx_queue is %u, the card has %u queue pairs",
				    config->rx_queue, dev->queues);
	err = vesper_reg_write(dev, REG(mtu), config->mtu);
	if (!err)
		err = vesper_reg_write(dev, REG(rx_queue), config->rx_queue);
	if (!err)
		err = vesper_reg_write(dev, REG(control), config->control);
	return err;
}

int vesper_dev_get_config(struct vesper_dev *dev, struct vesper_dev_config *config)
{
	u32 control, mtu, queue;
	int err;

	err = vesper_reg_read(dev, REG(control), &control);
	if (!err)
		err = vesper_reg_read(dev, REG(mtu), &mtu);
	if (!err)
		err = vesper_reg_read(dev, REG(rx_queue), &queue);
	if (err)
		return err;
	*config = (struct vesper_dev_config){ control & CONTROL_MASK, (u16)mtu, (u16)queue };
	return 0;
}
