// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Registers and the firmware's mailbox. */
#include <linux/delay.h>
#include <linux/iopoll.h>

#include "vesper.h"
#include "vesper_status.h"

#define MBX_TIMEOUT_US	 (5 * USEC_PER_SEC)
#define START_TIMEOUT_US (10 * USEC_PER_SEC)
#define SA_LOG2_MAX	 16 /* bits of the index in an SA's handle */

/* A function that is gone from the bus reads all ones, and the magic never is. */
bool vesper_hw_gone(struct vesper_nic *nic)
{
	if (!nic->dead && vesper_read(nic, VESPER_REG(id)) != VESPER__ID_R__MAGIC_reset) {
		nic->dead = true;
		dev_err(&nic->pdev->dev, "the card does not answer any more\n");
	}
	return nic->dead;
}

/**
 * vesper_hw_check - is this a card that this driver can drive?
 * @nic: with its BAR mapped
 *
 * Waits for the firmware and its self-test, up to ten seconds.
 *
 * Return: 0; -ENODEV for another device, another ABI, a card that failed its self-test or changed in a reset;
 * -ETIMEDOUT if the firmware does not start.
 */
int vesper_hw_check(struct vesper_nic *nic)
{
	struct device *dev = &nic->pdev->dev;
	u32 magic = vesper_read(nic, VESPER_REG(id));
	u32 state, geometry, sa_log2;
	u16 queues;
	int err;

	if (magic != VESPER__ID_R__MAGIC_reset)
		return dev_err_probe(dev, -ENODEV, "magic is %#010x, expected %#010x\n", magic,
				     VESPER__ID_R__MAGIC_reset);
	nic->abi = vesper_read(nic, VESPER_REG(abi));
	if (nic->abi >> 16 != VESPER_ABI_MAJOR)
		return dev_err_probe(dev, -ENODEV, "card has ABI %u.%u, this driver knows %u\n",
				     nic->abi >> 16, nic->abi & 0xffff, VESPER_ABI_MAJOR);
	err = read_poll_timeout(vesper_read, state,
				state & (VESPER__STATE_R__FW_READY_bm |
					 VESPER__STATE_R__FW_DEAD_bm),
				1000, START_TIMEOUT_US, false, nic, VESPER_REG(state));
	if (err)
		return dev_err_probe(dev, err, "the firmware does not start (state %#x)\n", state);
	if (state & VESPER__STATE_R__FW_DEAD_bm)
		return dev_err_probe(dev, -ENODEV, "the firmware is dead (state %#x)\n", state);
	if (!(state & VESPER__STATE_R__DATA_PATH_OPEN_bm))
		return dev_err_probe(
			dev, -ENODEV,
			"the card failed its self-test, its data path is closed (state %#x)\n",
			state);
	nic->features = vesper_read(nic, VESPER_REG(features));
	nic->fw_version = vesper_read(nic, VESPER_REG(fw_version));
	geometry = vesper_read(nic, VESPER_REG(geometry));
	queues = min_t(u32, geometry & VESPER__GEOMETRY_R__QUEUES_bm, VESPER_QUEUES_MAX);
	sa_log2 = (geometry & VESPER__GEOMETRY_R__SA_LOG2_bm) >> VESPER__GEOMETRY_R__SA_LOG2_bp;
	if (!queues || sa_log2 > SA_LOG2_MAX)
		return dev_err_probe(dev, -ENODEV,
				     "the card says that it has %u queue pairs and 2^%u SAs\n",
				     queues, sa_log2);
	/* After a reset: what was allocated fits the card that was found first. */
	if (nic->queues && (queues != nic->queues || nic->sa_entries != 1u << sa_log2))
		return dev_err_probe(
			dev, -ENODEV,
			"the card came back with %u queue pairs and %u SAs, had %u and %u\n",
			queues, 1u << sa_log2, nic->queues, nic->sa_entries);
	nic->queues = queues;
	nic->sa_entries = 1u << sa_log2;
	return 0;
}

static void write_request(struct vesper_nic *nic, const void *msg, u16 len)
{
	const __le32 *words = msg;
	u32 i;

	for (i = 0; i < len / 4; i++)
		vesper_write(nic, VESPER_REG(mbx_request) + 4 * i, le32_to_cpu(words[i]));
}

static void read_response(struct vesper_nic *nic, void *rsp, u16 len)
{
	__le32 *words = rsp;
	u32 i;

	for (i = 0; i < len / 4; i++)
		words[i] = cpu_to_le32(vesper_read(nic, VESPER_REG(mbx_response) + 4 * i));
}

/* The answer's header must be one to our question, and long enough; its length is the card's claim. */
static int check_response(struct vesper_nic *nic, const struct vesper_mbx_hdr *req,
			  const struct vesper_mbx_hdr *rsp, u16 rsp_len)
{
	u32 status = le32_to_cpu(rsp->status);

	if (rsp->cmd != req->cmd || rsp->tag != req->tag) {
		netdev_err(nic->netdev, "mailbox: answer to command %u tag %u, asked %u tag %u\n",
			   le16_to_cpu(rsp->cmd), le32_to_cpu(rsp->tag), le16_to_cpu(req->cmd),
			   le32_to_cpu(req->tag));
		return -EPROTO;
	}
	if (status != VESPER_MBX_OK) {
		netdev_dbg(nic->netdev, "mailbox: command %u refused: %s (field %u, value %#llx)\n",
			   le16_to_cpu(req->cmd), vesper_mbx_strerror(status),
			   le16_to_cpu(rsp->field), le64_to_cpu(rsp->value));
		return -EINVAL;
	}
	if (le16_to_cpu(rsp->len) != rsp_len) {
		netdev_err(nic->netdev, "mailbox: answer of %u bytes to command %u, expected %u\n",
			   le16_to_cpu(rsp->len), le16_to_cpu(req->cmd), rsp_len);
		return -EPROTO;
	}
	return 0;
}

/**
 * vesper_mbx_head - one question to the firmware, of which only the answer's head is wanted
 * @nic: the card
 * @msg: begins with struct vesper_mbx_hdr, whose cmd is set; len and tag are filled in
 * @len: bytes of it, a multiple of 4, VESPER_MBX_SIZE at most
 * @rsp: room for @head bytes of the answer, its header included
 * @head: bytes that are read, a multiple of 4: each word is a round trip over PCIe
 * @rsp_len: bytes that the answer must have, no less than @head
 *
 * May sleep. Return: 0; -EINVAL if the firmware refused (header of @rsp says why); -ETIMEDOUT;
 * -EPROTO for an answer that is not one; -ENODEV if the card is gone.
 */
int vesper_mbx_head(struct vesper_nic *nic, void *msg, u16 len, void *rsp, u16 head, u16 rsp_len)
{
	struct vesper_mbx_hdr *req = msg;
	u32 status, count;
	int err;

	mutex_lock(&nic->mbx_lock);
	if (vesper_hw_gone(nic)) {
		err = -ENODEV;
		goto out;
	}
	req->len = cpu_to_le16(len);
	req->tag = cpu_to_le32(++nic->mbx_tag);
	status = vesper_read(nic, VESPER_REG(mbx_status));
	if (status & VESPER__MBX_STATUS_R__BUSY_bm) {
		err = -EBUSY;
		goto out;
	}
	count = status >> VESPER__MBX_STATUS_R__COUNT_bp;
	write_request(nic, msg, len);
	vesper_write(nic, VESPER_REG(mbx_doorbell), VESPER__MBX_DOORBELL_R__RING_bm);
	err = read_poll_timeout(vesper_read, status,
				(!(status & VESPER__MBX_STATUS_R__BUSY_bm) &&
				 status >> VESPER__MBX_STATUS_R__COUNT_bp != count) ||
					status == U32_MAX,
				20, MBX_TIMEOUT_US, false, nic, VESPER_REG(mbx_status));
	if (!err && status == U32_MAX && vesper_hw_gone(nic)) {
		err = -ENODEV;
		goto out;
	}
	if (err) {
		netdev_err(nic->netdev, "mailbox: no answer to command %u (state %#x)\n",
			   le16_to_cpu(req->cmd), vesper_read(nic, VESPER_REG(state)));
		goto out;
	}
	read_response(nic, rsp, head);
	err = check_response(nic, req, rsp, rsp_len);
out:
	mutex_unlock(&nic->mbx_lock);
	return err;
}

/* As vesper_mbx_head(), with all of the answer. */
int vesper_mbx(struct vesper_nic *nic, void *msg, u16 len, void *rsp, u16 rsp_len)
{
	return vesper_mbx_head(nic, msg, len, rsp, rsp_len, rsp_len);
}

/* The card's counters, one snapshot. May sleep. Return: as vesper_mbx(). */
int vesper_hw_stats(struct vesper_nic *nic, struct vesper_stats *stats)
{
	struct vesper_mbx_hdr req = { .cmd = cpu_to_le16(VESPER_MBX_STATS) };
	struct vesper_mbx_stats_rsp *rsp = kzalloc(sizeof(*rsp), GFP_KERNEL);
	int err;

	if (!rsp)
		return -ENOMEM;
	err = vesper_mbx(nic, &req, sizeof(req), rsp, sizeof(*rsp));
	if (!err)
		*stats = rsp->stats;
	kfree(rsp);
	return err;
}
