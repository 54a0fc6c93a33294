// SPDX-License-Identifier: BSD-2-Clause
/* A card made of C: the vfio-user server. Its mailbox and rings are in vfio_fake_card.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vfio_fake.h"
#include "vfio_fake_card.h"

struct header {
	u16 id, cmd;
	u32 size, flags, error;
};

struct message {
	struct header h;
	u8 body[8192];
	int fd;
};

/* Read exactly @len bytes, and a descriptor if one comes along. */
static bool read_all(int conn, void *to, size_t len, int *fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;

	while (len) {
		struct iovec iov = { to, len };
		struct msghdr m = { .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = &control,
				    .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(conn, &m, MSG_CMSG_CLOEXEC);

		if (n <= 0)
			return false;
		if (m.msg_controllen)
			memcpy(fd, CMSG_DATA(&control.head), sizeof(*fd));
		to = (u8 *)to + n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_all(int conn, const void *from, size_t len, size_t piece)
{
	while (len) {
		ssize_t n = send(conn, from, len < piece ? len : piece, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		from = (const u8 *)from + n;
		len -= (size_t)n;
	}
	return true;
}

/* Send a reply of @len payload bytes in m->body, or what the fault makes of it. */
static bool reply(struct fake *f, struct message *m, u32 len)
{
	size_t piece = sizeof(*m);

	m->h.size = (u32)sizeof(m->h) + len;
	m->h.flags = 1;
	m->h.error = 0;
	if (f->fault != FAULT_NONE && m->h.cmd == f->fault_cmd && !f->fault_skip--) {
		enum fault fault = f->fault;

		f->fault = FAULT_NONE;
		switch (fault) {
		case FAULT_SILENT:
			return true;
		case FAULT_CLOSE:
			return false;
		case FAULT_ERROR:
			m->h.size = sizeof(m->h);
			m->h.flags = 0x21;
			m->h.error = f->fault_value;
			break;
		case FAULT_WRONG_ID:
			m->h.id++;
			break;
		case FAULT_WRONG_CMD:
			m->h.cmd++;
			break;
		case FAULT_NOT_REPLY:
			m->h.flags = 0;
			break;
		case FAULT_TINY:
			write_all(f->conn, &(struct header){ m->h.id, m->h.cmd, 3, 1, 0 }, 16, 16);
			return true;
		case FAULT_SHORT:
			m->h.size -= 4;
			break;
		case FAULT_LONG:
			m->h.size += 4;
			break;
		case FAULT_CUT:
			write_all(f->conn, m, m->h.size - 1, piece);
			return false;
		case FAULT_SLIVERS:
			piece = 1;
			break;
		case FAULT_PATCH:
			memcpy(m->body + f->fault_at, &f->fault_value, 4);
			break;
		default:
			break;
		}
	}
	return write_all(f->conn, m, m->h.size, piece);
}

static int do_map(struct fake *f, struct message *m)
{
	u64 offset, addr, size;
	int i;

	memcpy(&offset, m->body + 8, 8);
	memcpy(&addr, m->body + 16, 8);
	memcpy(&size, m->body + 24, 8);
	for (i = 0; i < FAKE_MAPS && f->map[i].mem; i++)
		;
	if (i == FAKE_MAPS || m->fd < 0)
		return -EINVAL;
	f->map[i].mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, (off_t)offset);
	if (f->map[i].mem == MAP_FAILED) {
		f->map[i].mem = NULL;
		return -errno;
	}
	f->map[i].iova = addr;
	f->map[i].size = size;
	f->maps_made++;
	f->maps_now++;
	return 0;
}

static int do_unmap(struct fake *f, struct message *m)
{
	u64 addr, size;
	int i;

	memcpy(&addr, m->body + 8, 8);
	memcpy(&size, m->body + 16, 8);
	for (i = 0; i < FAKE_MAPS; i++) {
		if (f->map[i].mem && f->map[i].iova == addr && f->map[i].size == size) {
			munmap(f->map[i].mem, size);
			f->map[i].mem = NULL;
			f->maps_now--;
			return 24;
		}
	}
	return -EINVAL;
}

static int do_region(struct fake *f, struct message *m, bool write)
{
	u64 offset;
	u32 region, count;
	u8 *mem;
	u64 size;

	memcpy(&offset, m->body, 8);
	memcpy(&region, m->body + 8, 4);
	memcpy(&count, m->body + 12, 4);
	mem = region == 0 ? f->bar : f->config;
	size = region == 0 ? f->bar_size : sizeof(f->config);
	if ((region != 0 && region != 7) || count > 4096 || offset + count > size)
		return -EINVAL;
	if (!write) {
		memcpy(m->body + 16, mem + offset, count);
		return 16 + (int)count;
	}
	if (region == 0)
		fake_bar_write(f, (u32)offset, m->body + 16, count);
	else
		memcpy(mem + offset, m->body + 16, count);
	return 16;
}

static int do_version(struct fake *f, struct message *m)
{
	static const char json[] = "{\"capabilities\":{\"max_msg_fds\":8}}";

	memset(m->body, 0, 4);
	memcpy(m->body, &f->version_major, 2);
	memcpy(m->body + 4, json, sizeof(json));
	return 4 + (int)sizeof(json);
}

static int do_set_irqs(struct fake *f, struct message *m)
{
	u32 start;

	int *irq_fd;

	memcpy(&start, m->body + 12, 4);
	if (start > FAKE_QUEUES)
		return -EINVAL;
	irq_fd = start < FAKE_QUEUES ? &f->queue[start].irq_fd : &f->events.irq_fd;
	if (*irq_fd >= 0)
		close(*irq_fd);
	*irq_fd = m->fd;
	m->fd = -1;
	return 0;
}

/* Return: payload bytes of the reply, or a negative errno for an error reply. */
static int serve(struct fake *f, struct message *m)
{
	u32 words[8] = { 0 };

	memcpy(words, m->body, sizeof(words));
	switch (m->h.cmd) {
	case 1:
		return do_version(f, m);
	case 2:
		return do_map(f, m);
	case 3:
		return do_unmap(f, m);
	case 4:
		words[1] = 3;
		words[2] = 9;
		words[3] = 5;
		memcpy(m->body, words, 16);
		return 16;
	case 5:
		words[1] = 3;
		words[4] = words[2] == 0 ? (u32)f->bar_size : words[2] == 7 ? 256 : 0;
		words[5] = 0;
		memcpy(m->body, words, 32);
		return 32;
	case 7:
		words[3] = f->vectors;
		memcpy(m->body, words, 16);
		return 16;
	case 8:
		return do_set_irqs(f, m);
	case 9:
		return do_region(f, m, false);
	case 10:
		return do_region(f, m, true);
	case 13:
		f->resets++;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static void serve_connection(struct fake *f)
{
	static const size_t head = sizeof(struct header);
	struct message m;
	bool go_on = true;
	int n;

	while (go_on) {
		m.fd = -1;
		if (!read_all(f->conn, &m.h, head, &m.fd) || m.h.size < head ||
		    m.h.size > head + sizeof(m.body) ||
		    !read_all(f->conn, m.body, m.h.size - head, &m.fd))
			break;
		pthread_mutex_lock(&f->lock);
		n = fake_dies(f) ? 0 : serve(f, &m);
		if (fake_dies(f)) {
			go_on = f->die_silently;
		} else if (n < 0) {
			m.h.size = head;
			m.h.flags = 0x21;
			m.h.error = (u32)-n;
			go_on = write_all(f->conn, &m.h, head, head);
		} else if (!(m.h.flags & 0x10)) {
			go_on = reply(f, &m, (u32)n);
		}
		pthread_mutex_unlock(&f->lock);
		if (m.fd >= 0)
			close(m.fd);
	}
}

static void disconnect(struct fake *f)
{
	int i;

	pthread_mutex_lock(&f->lock);
	for (i = 0; i < FAKE_MAPS; i++) {
		if (f->map[i].mem)
			munmap(f->map[i].mem, f->map[i].size);
		f->map[i].mem = NULL;
	}
	f->maps_now = 0;
	for (i = 0; i < FAKE_QUEUES; i++) {
		if (f->queue[i].irq_fd >= 0)
			close(f->queue[i].irq_fd);
		f->queue[i].irq_fd = -1;
	}
	if (f->events.irq_fd >= 0)
		close(f->events.irq_fd);
	f->events.irq_fd = -1;
	close(f->conn);
	f->conn = -1;
	pthread_mutex_unlock(&f->lock);
}

static void *run(void *arg)
{
	struct fake *f = arg;
	int conn;

	for (;;) {
		conn = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
		if (conn < 0)
			return NULL;
		pthread_mutex_lock(&f->lock);
		f->conn = conn;
		pthread_mutex_unlock(&f->lock);
		if (!f->dead)
			serve_connection(f);
		disconnect(f);
	}
}

void fake_reg(struct fake *f, u32 offset, u32 value)
{
	pthread_mutex_lock(&f->lock);
	memcpy(f->bar + offset, &value, 4);
	pthread_mutex_unlock(&f->lock);
}

u32 fake_reg_get(struct fake *f, u32 offset)
{
	u32 value;

	pthread_mutex_lock(&f->lock);
	memcpy(&value, f->bar + offset, 4);
	pthread_mutex_unlock(&f->lock);
	return value;
}

struct fake *fake_start(void)
{
	static int number;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct fake *f = aligned_alloc(64, sizeof(*f));
	const u16 ids[2] = { VESPER_PCI_VENDOR, VESPER_PCI_DEVICE };

	if (!f)
		abort();
	memset(f, 0, sizeof(*f));
	/* Below build/ where a crashed test may leave it. */
	snprintf(f->path, sizeof(f->path), "%s/vesper-fake-%d-%d.sock",
		 access("build", W_OK) ? "/tmp" : "build", getpid(), number++);
	strcpy(addr.sun_path, f->path);
	unlink(f->path);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->listener < 0 || bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(f->listener, 4))
		abort();
	f->conn = -1;
	f->queue[0].irq_fd = f->queue[1].irq_fd = f->events.irq_fd = -1;
	pthread_mutex_init(&f->lock, NULL);
	f->bar_size = sizeof(f->bar);
	f->vectors = FAKE_QUEUES + 1;
	memcpy(f->config, ids, 4);
	fake_reg(f, offsetof(vesper_t, id), 0x56535052);
	fake_reg(f, offsetof(vesper_t, abi), VESPER_ABI_MAJOR << 16 | 7);
	fake_reg(f, offsetof(vesper_t, features), 0x7f);
	fake_reg(f, offsetof(vesper_t, geometry), 10 << 16 | 4 << 8 | FAKE_QUEUES);
	fake_reg(f, offsetof(vesper_t, fw_version), 0x00010203);
	fake_reg(f, offsetof(vesper_t, state), 3);
	fake_reg(f, offsetof(vesper_t, mac_lo), 0x44332202);
	fake_reg(f, offsetof(vesper_t, mac_hi), 0x6655);
	if (pthread_create(&f->thread, NULL, run, f))
		abort();
	return f;
}

void fake_stop(struct fake *f)
{
	shutdown(f->listener, SHUT_RDWR);
	pthread_mutex_lock(&f->lock);
	if (f->conn >= 0)
		shutdown(f->conn, SHUT_RDWR);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	close(f->listener);
	unlink(f->path);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void fake_revive(struct fake *f, u32 die_in, bool silently)
{
	pthread_mutex_lock(&f->lock);
	memset(f->sa, 0, sizeof(f->sa));
	f->die_in = die_in;
	f->die_silently = silently;
	f->dead = false;
	pthread_mutex_unlock(&f->lock);
}

struct vesper_dev_opts fake_opts(const struct fake *f)
{
	return (struct vesper_dev_opts){
		.size = sizeof(struct vesper_dev_opts),
		.card = f->path,
		.timeout_ms = 150,
	};
}

struct vesper_dev *fake_open(const struct fake *f)
{
	struct vesper_dev_opts o = fake_opts(f);
	struct vesper_dev *dev;

	if (vesper_dev_open(&o, &dev)) {
		fprintf(stderr, "fake card: %s\n", vesper_dev_strerror());
		abort();
	}
	return dev;
}
