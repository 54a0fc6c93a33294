// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What devlink asks: versions, how many SAs there can be and are, and the health of firmware and queues.
 *
 *   reporter   reported                     recovery
 *   firmware   card gone, firmware dead     function-level reset, everything anew
 *   queues     halted, impossible           all pairs down and up
 *              completion, TX timeout
 *
 * Locks: devlink's own is held when the RTNL lock is taken here, never the other way round.
 */
#include "vesper.h"

struct vesper_devlink {
	struct vesper_nic *nic;
	struct devlink_health_reporter *firmware, *queues;
};

static int info_get(struct devlink *devlink, struct devlink_info_req *req,
		    struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = ((struct vesper_devlink *)devlink_priv(devlink))->nic;
	char text[32];
	int err;

	err = vesper_devlink_driver_name(req, VESPER_NAME);
	if (err)
		return err;
	snprintf(text, sizeof(text), "%04x:%04x", nic->pdev->vendor, nic->pdev->device);
	err = devlink_info_version_fixed_put(req, DEVLINK_INFO_VERSION_GENERIC_BOARD_ID, text);
	if (err)
		return err;
	snprintf(text, sizeof(text), "%u.%u", nic->abi >> 16, nic->abi & 0xffff);
	err = devlink_info_version_running_put(req, DEVLINK_INFO_VERSION_GENERIC_FW_MGMT_API, text);
	if (err)
		return err;
	snprintf(text, sizeof(text), "%u.%u.%u", nic->fw_version >> 24,
		 nic->fw_version >> 16 & 0xff, nic->fw_version & 0xffff);
	return devlink_info_version_running_put(req, DEVLINK_INFO_VERSION_GENERIC_FW, text);
}

static int flash_update(struct devlink *devlink, struct devlink_flash_update_params *params,
			struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack, "This card takes no image: its firmware is a part of its design");
	return -EOPNOTSUPP;
}

static const struct devlink_ops devlink_ops = {
	.info_get = info_get,
	.flash_update = flash_update,
};

/* ---- firmware ---- */

static int firmware_diagnose(struct devlink_health_reporter *reporter, struct devlink_fmsg *fmsg,
			     struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = devlink_health_reporter_priv(reporter);
	u32 state = vesper_read(nic, VESPER_REG(state));

	devlink_fmsg_bool_pair_put(fmsg, "answers", !vesper_hw_gone(nic));
	devlink_fmsg_bool_pair_put(fmsg, "ready", state & VESPER__STATE_R__FW_READY_bm);
	devlink_fmsg_bool_pair_put(fmsg, "data path open",
				   state & VESPER__STATE_R__DATA_PATH_OPEN_bm);
	devlink_fmsg_bool_pair_put(fmsg, "self-test failed",
				   state & VESPER__STATE_R__SELFTEST_FAILED_bm);
	devlink_fmsg_bool_pair_put(fmsg, "dead", state & VESPER__STATE_R__FW_DEAD_bm);
	return 0;
}

/* The registers as they read, for who knows vesper.rdl. */
static int firmware_dump(struct devlink_health_reporter *reporter, struct devlink_fmsg *fmsg,
			 void *context, struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = devlink_health_reporter_priv(reporter);

	devlink_fmsg_u32_pair_put(fmsg, "id", vesper_read(nic, VESPER_REG(id)));
	devlink_fmsg_u32_pair_put(fmsg, "state", vesper_read(nic, VESPER_REG(state)));
	devlink_fmsg_u32_pair_put(fmsg, "mbx_status", vesper_read(nic, VESPER_REG(mbx_status)));
	devlink_fmsg_u32_pair_put(fmsg, "control", vesper_read(nic, VESPER_REG(control)));
	devlink_fmsg_u32_pair_put(fmsg, "event_state", vesper_read(nic, VESPER_REG(event_state)));
	return 0;
}

static int firmware_recover(struct devlink_health_reporter *reporter, void *context,
			    struct netlink_ext_ack *extack)
{
	int err = vesper_recover_card(devlink_health_reporter_priv(reporter));

	if (err == -EAGAIN)
		NL_SET_ERR_MSG(extack, "The device is in use by another reset");
	else if (err)
		NL_SET_ERR_MSG(extack, "The card does not come back: the kernel log says why");
	return err;
}

/* As if the watchdog had found it: what the reporters do then is what is tested. */
static int test(struct vesper_nic *nic, enum vesper_fault fault, struct netlink_ext_ack *extack)
{
	if (!netif_running(nic->netdev)) {
		NL_SET_ERR_MSG(extack, "The interface is down, and nobody looks for faults");
		return -ENETDOWN;
	}
	if (!vesper_fault(nic, fault)) {
		NL_SET_ERR_MSG(extack, "There is a fault that is not recovered yet");
		return -EBUSY;
	}
	return 0;
}

static int firmware_test(struct devlink_health_reporter *reporter, struct netlink_ext_ack *extack)
{
	return test(devlink_health_reporter_priv(reporter), VESPER_FAULT_TEST_FIRMWARE, extack);
}

/* ---- queues ---- */

static void put_pair(struct vesper_pair *pair, struct devlink_fmsg *fmsg)
{
	devlink_fmsg_obj_nest_start(fmsg);
	devlink_fmsg_u32_pair_put(fmsg, "pair", pair->id);
	devlink_fmsg_u32_pair_put(fmsg, "state",
				  vesper_read(pair->nic, VESPER_QUEUE_REG(pair->id, state)));
	devlink_fmsg_u32_pair_put(fmsg, "tx head", READ_ONCE(pair->tx.head));
	devlink_fmsg_u32_pair_put(fmsg, "tx tail", READ_ONCE(pair->tx.tail));
	devlink_fmsg_u32_pair_put(fmsg, "tx completions", READ_ONCE(pair->tx.seen));
	devlink_fmsg_u32_pair_put(fmsg, "rx head", READ_ONCE(pair->rx.head));
	devlink_fmsg_u32_pair_put(fmsg, "rx tail", READ_ONCE(pair->rx.tail));
	devlink_fmsg_u32_pair_put(fmsg, "rx completions", READ_ONCE(pair->rx.seen));
	devlink_fmsg_u64_pair_put(fmsg, "interrupts", READ_ONCE(pair->interrupts));
	devlink_fmsg_u64_pair_put(fmsg, "lost interrupts", READ_ONCE(pair->lost_interrupts));
	devlink_fmsg_obj_nest_end(fmsg);
}

static int queues_diagnose(struct devlink_health_reporter *reporter, struct devlink_fmsg *fmsg,
			   struct netlink_ext_ack *extack)
{
	struct vesper_nic *nic = devlink_health_reporter_priv(reporter);
	int i;

	devlink_fmsg_arr_pair_nest_start(fmsg, "pairs");
	for (i = 0; i < nic->queues; i++)
		put_pair(nic->pair[i], fmsg);
	devlink_fmsg_arr_pair_nest_end(fmsg);
	return 0;
}

static int queues_dump(struct devlink_health_reporter *reporter, struct devlink_fmsg *fmsg,
		       void *context, struct netlink_ext_ack *extack)
{
	return queues_diagnose(reporter, fmsg, extack);
}

static int queues_recover(struct devlink_health_reporter *reporter, void *context,
			  struct netlink_ext_ack *extack)
{
	int err = vesper_recover_queues(devlink_health_reporter_priv(reporter));

	if (err == -ENETDOWN)
		NL_SET_ERR_MSG(extack, "The interface is down; its queues start when it comes up");
	else if (err)
		NL_SET_ERR_MSG(extack, "The queues do not start: the kernel log says why");
	return err;
}

static int queues_test(struct devlink_health_reporter *reporter, struct netlink_ext_ack *extack)
{
	return test(devlink_health_reporter_priv(reporter), VESPER_FAULT_TEST_QUEUES, extack);
}

static const struct devlink_health_reporter_ops firmware_ops = {
	.name = "firmware",
	.diagnose = firmware_diagnose,
	.dump = firmware_dump,
	.recover = firmware_recover,
	.test = firmware_test,
};

static const struct devlink_health_reporter_ops queues_ops = {
	.name = "queues",
	.diagnose = queues_diagnose,
	.dump = queues_dump,
	.recover = queues_recover,
	.test = queues_test,
};

/**
 * vesper_devlink_report - tell devlink, which dumps and recovers unless its user has switched that off
 * @firmware: the firmware's reporter, or that of the queues
 * @text: what happened
 *
 * May sleep; the RTNL lock is not held. Once it is recovered, there is no fault any more.
 */
void vesper_devlink_report(struct vesper_nic *nic, bool firmware, const char *text)
{
	struct vesper_devlink *own = devlink_priv(nic->devlink);

	devlink_health_report(firmware ? own->firmware : own->queues, text, NULL);
}

/* SAs of both directions. Their number is the card's (a parameter of its RTL), so nobody can set another. */
#define RESOURCE_SA 1

static u64 sas_on_card(void *priv)
{
	struct vesper_nic *nic = priv;

	return atomic64_read(&nic->sa_card);
}

static int resources_create(struct devlink *devlink, struct vesper_nic *nic)
{
	u64 size = 2ull * nic->sa_entries;
	struct devlink_resource_size_params fixed;
	int err;

	devlink_resource_size_params_init(&fixed, size, size, 1, DEVLINK_RESOURCE_UNIT_ENTRY);
	devl_lock(devlink);
	err = devl_resource_register(devlink, "sa", size, RESOURCE_SA,
				     DEVLINK_RESOURCE_ID_PARENT_TOP, &fixed);
	if (!err)
		devl_resource_occ_get_register(devlink, RESOURCE_SA, sas_on_card, nic);
	devl_unlock(devlink);
	return err;
}

static void resources_destroy(struct devlink *devlink)
{
	devl_lock(devlink);
	devl_resource_occ_get_unregister(devlink, RESOURCE_SA);
	devl_resources_unregister(devlink);
	devl_unlock(devlink);
}

/**
 * vesper_devlink_create - announce a card to devlink
 * Return: 0 or negative errno.
 */
int vesper_devlink_create(struct vesper_nic *nic)
{
	struct devlink *devlink =
		devlink_alloc(&devlink_ops, sizeof(struct vesper_devlink), &nic->pdev->dev);
	struct vesper_devlink *own;
	int err;

	if (!devlink)
		return -ENOMEM;
	own = devlink_priv(devlink);
	own->nic = nic;
	own->firmware = vesper_health_reporter(devlink, &firmware_ops, nic);
	if (IS_ERR(own->firmware)) {
		err = PTR_ERR(own->firmware);
		goto out_free;
	}
	own->queues = vesper_health_reporter(devlink, &queues_ops, nic);
	if (IS_ERR(own->queues)) {
		err = PTR_ERR(own->queues);
		goto out_firmware;
	}
	err = resources_create(devlink, nic);
	if (err)
		goto out_queues;
	nic->devlink = devlink;
	devlink_register(devlink);
	return 0;

out_queues:
	devlink_health_reporter_destroy(own->queues);
out_firmware:
	devlink_health_reporter_destroy(own->firmware);
out_free:
	devlink_free(devlink);
	return err;
}

/* After this nothing may be reported any more. */
void vesper_devlink_destroy(struct vesper_nic *nic)
{
	struct vesper_devlink *own = devlink_priv(nic->devlink);

	devlink_unregister(nic->devlink);
	resources_destroy(nic->devlink);
	devlink_health_reporter_destroy(own->queues);
	devlink_health_reporter_destroy(own->firmware);
	devlink_free(nic->devlink);
}
