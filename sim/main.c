// SPDX-License-Identifier: BSD-2-Clause
/*
 * vesper-sim: one thread, one loop. It serves the client, moves frames between
 * wire and card, and clocks the card as long as that has something to do; else
 * it sleeps in poll and costs nothing.
 */
#include "capture.h"
#include "card.h"
#include "image.h"
#include "log.h"
#include "options.h"
#include "sock.h"
#include "stats.h"
#include "vfio_user.h"
#include "wire.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Cycles between two looks at the descriptors: the price of a look stays below a hundredth. */
#define SLICE 96u

/* Captures are written when the card has been quiet for so long, not each time that it waits for the next frame. */
#define QUIET_MS 20

struct sim {
	struct options opts;
	struct card *card;
	struct vfu_device dev;
	struct vfu_conn *conn;
	struct wire *wire;
	struct capture_writer *pcap;
	int listener, signals;
	bool told_waiting; /* said that a second client waits */
	bool ending;
	uint8_t frame[WIRE_FRAME_MAX];
};

/* ---- the card's surroundings --------------------------------------------- */

static int mem_read(void *ctx, uint64_t addr, void *to, size_t len)
{
	return vfu_device_mem_read(&((struct sim *)ctx)->dev, addr, to, len);
}

static int mem_write(void *ctx, uint64_t addr, const void *from, size_t len, uint64_t strobe)
{
	return vfu_device_mem_write(&((struct sim *)ctx)->dev, addr, from, len, strobe);
}

static void interrupt(void *ctx, unsigned int vector)
{
	vfu_device_interrupt(&((struct sim *)ctx)->dev, vector);
}

static void record(struct sim *sim, const uint8_t *frame, size_t len, uint64_t cycle,
		   enum capture_direction direction)
{
	if (sim->pcap)
		capture_write(sim->pcap, frame, len, cycle * CARD_NS_PER_CYCLE, direction);
}

static void wire_out(void *ctx, const uint8_t *frame, size_t len, uint64_t cycle)
{
	struct sim *sim = ctx;

	record(sim, frame, len, cycle, CAPTURE_OUT);
	wire_send(sim->wire, frame, len);
}

static void wire_in(void *ctx, const uint8_t *frame, size_t len, uint64_t cycle)
{
	record(ctx, frame, len, cycle, CAPTURE_IN);
}

/* ---- the loop ------------------------------------------------------------ */

static void write_stats(struct sim *sim)
{
	int ret = stats_write(sim->opts.stats, card_stats(sim->card), &sim->wire->stats);

	if (ret)
		sim_log(LOG_ERROR, "--stats %s: %s", sim->opts.stats ? sim->opts.stats : "-",
			strerror(-ret));
}

static void flush(struct sim *sim)
{
	int ret = sim->pcap ? capture_flush(sim->pcap) : 0;

	if (ret)
		sim_log(LOG_WARN, "--pcap %s: %s", sim->opts.pcap, strerror(-ret));
	wire_flush(sim->wire);
}

static void serve_signals(struct sim *sim)
{
	struct signalfd_siginfo info;

	while (read(sim->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGUSR1) {
			sim->ending = true;
			continue;
		}
		flush(sim);
		write_stats(sim);
	}
}

static void serve_listener(struct sim *sim)
{
	int fd;

	if (sim->conn) {
		sim_log(LOG_WARN, "another client waits until the one that is connected leaves");
		sim->told_waiting = true;
		return;
	}
	fd = sock_accept(sim->listener);
	if (fd < 0)
		return;
	sim->conn = vfu_conn_new(&sim->dev, fd);
	if (!sim->conn) {
		sim_log(LOG_ERROR, "no memory for a client");
		close(fd);
		return;
	}
	sim_log(LOG_INFO, "a client is connected");
}

static void serve_client(struct sim *sim)
{
	if (vfu_conn_serve(sim->conn))
		return;
	vfu_conn_free(sim->conn);
	sim->conn = NULL;
	sim->told_waiting = false;
	sim_log(LOG_INFO, "the client is gone");
}

/* Frames from the peer into the card, as far as it has room. */
static bool take_wire(struct sim *sim)
{
	bool any = false;
	size_t len;

	if (sim->wire->paced && !(card_quiet(sim->card) && vfu_device_receives(&sim->dev)))
		return false;
	while (card_wire_room(sim->card)) {
		len = wire_receive(sim->wire, sim->frame, sizeof(sim->frame));
		if (!len)
			break;
		card_wire_in(sim->card, sim->frame, len);
		any = true;
		if (sim->wire->paced)
			break;
	}
	return any;
}

/* Returns true when something has happened; timeout as poll's. */
static bool turn(struct sim *sim, int timeout)
{
	enum { SIGNALS, LISTENER, CLIENT, WIRE };
	struct pollfd fds[WIRE + WIRE_POLL_MAX] = {
		[SIGNALS] = { .fd = sim->signals, .events = POLLIN },
		[LISTENER] = { .fd = sim->told_waiting ? -1 : sim->listener, .events = POLLIN },
		[CLIENT] = { .fd = -1 },
	};
	unsigned int n = wire_poll(sim->wire, fds + WIRE, card_wire_room(sim->card));

	if (sim->conn) {
		fds[CLIENT].fd = vfu_conn_fd(sim->conn);
		fds[CLIENT].events = vfu_conn_wants_out(sim->conn) ? POLLOUT : POLLIN;
	}
	if (poll(fds, WIRE + n, timeout) <= 0)
		return false;
	if (fds[SIGNALS].revents)
		serve_signals(sim);
	if (fds[CLIENT].revents)
		serve_client(sim);
	if (fds[LISTENER].revents)
		serve_listener(sim);
	wire_event(sim->wire, fds + WIRE, n);
	return true;
}

static void loop(struct sim *sim)
{
	bool flushed = false;

	while (!sim->ending) {
		bool frames = take_wire(sim);
		bool quiet = !card_run(sim->card, SLICE) && !frames;
		bool sleep = quiet && !sim->wire->has_input;

		flushed = flushed && quiet;
		if (turn(sim, !sleep ? 0 : flushed ? -1 : QUIET_MS) || !quiet || flushed)
			continue;
		flush(sim); /* whoever reads the captures now finds them whole */
		flushed = true;
	}
}

/* ---- start and end ------------------------------------------------------- */

/* The model that writes traces is another program; it takes over with the same arguments. */
static void become_tracer(char **argv)
{
	char self[4096], path[4200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return;
	self[n] = 0;
	snprintf(path, sizeof(path), "%s/vesper-sim-trace", dirname(self));
	execv(path, argv);
	sim_log(LOG_ERROR, "--trace: %s: %s; make vesper-sim-trace builds it", path,
		strerror(errno));
}

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int open_card(struct sim *sim, char **argv)
{
	const struct card_host host = { .ctx = sim,
					.mem_read = mem_read,
					.mem_write = mem_write,
					.interrupt = interrupt,
					.wire_out = wire_out,
					.wire_in = wire_in };
	struct card_options opts = { .latency = sim->opts.latency,
				     .trace = sim->opts.trace,
				     .firmware = sim->opts.firmware,
				     .mac = sim->opts.mac,
				     .wire_gbps = sim->opts.gbps };
	char image[64];
	int fd = -1, ret;

	if (opts.firmware && access(opts.firmware, R_OK)) {
		sim_log(LOG_ERROR, "--firmware %s: %s", opts.firmware, strerror(errno));
		return -errno;
	}
	if (!opts.firmware) {
		fd = image_open(image, sizeof(image));
		if (fd < 0) {
			sim_log(LOG_ERROR, "the firmware's image: %s", strerror(-fd));
			return fd;
		}
		opts.firmware = image;
	}
	ret = card_new(&host, &opts, &sim->card);
	if (ret == -ENOTSUP) {
		become_tracer(argv);
		goto out;
	}
	if (ret) {
		sim_log(LOG_ERROR, "the card's model cannot be made: %s", strerror(-ret));
		goto out;
	}
	ret = vfu_device_init(&sim->dev, sim->card);
	if (!ret)
		card_reset(sim->card); /* reads the image */
out:
	image_close(fd);
	return ret;
}

static int open_all(struct sim *sim, char **argv)
{
	int ret;

	/* First of all: the model may start threads, and they inherit what is blocked. */
	sim->signals = open_signals();
	ret = open_card(sim, argv);
	if (!ret)
		ret = wire_open(sim->opts.wire, &sim->wire);
	if (!ret && sim->opts.pcap) {
		ret = capture_create(sim->opts.pcap, &sim->pcap);
		if (ret)
			sim_log(LOG_ERROR, "--pcap %s: %s", sim->opts.pcap, strerror(-ret));
	}
	if (ret)
		return ret;
	sim->listener = sock_listen(sim->opts.socket);
	if (sim->listener < 0)
		sim_log(LOG_ERROR, "--socket %s: %s", sim->opts.socket, strerror(-sim->listener));
	return sim->listener < 0 ? sim->listener : 0;
}

static void close_all(struct sim *sim)
{
	int ret;

	vfu_conn_free(sim->conn);
	if (sim->listener >= 0) {
		close(sim->listener);
		unlink(sim->opts.socket);
	}
	if (sim->card && sim->wire && sim->opts.stats)
		write_stats(sim);
	ret = capture_close(sim->pcap);
	if (ret)
		sim_log(LOG_ERROR, "--pcap %s is not complete: %s", sim->opts.pcap, strerror(-ret));
	wire_close(sim->wire);
	if (sim->dev.maps)
		vfu_device_destroy(&sim->dev);
	card_free(sim->card);
	if (sim->signals >= 0)
		close(sim->signals);
}

int main(int argc, char **argv)
{
	static struct sim sim = { .listener = -1, .signals = -1 };
	int ret = options_parse(argc, argv, &sim.opts);

	if (ret >= 0)
		return ret;
	if (sim.opts.quiet || sim.opts.verbose)
		sim_log_level(sim.opts.quiet ? LOG_ERROR : LOG_DEBUG);
	ret = open_all(&sim, argv);
	if (!ret) {
#ifndef __SANITIZE_ADDRESS__
		/* The SA table's keys are in this process: no core dump of it. (The leak checker needs to look in.) */
		prctl(PR_SET_DUMPABLE, 0);
#endif
		sim_log(LOG_INFO, "the card is at %s", sim.opts.socket);
		loop(&sim);
	}
	close_all(&sim);
	return ret ? EXIT_RUN : EXIT_SUCCESS;
}
