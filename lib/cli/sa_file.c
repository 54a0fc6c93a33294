// SPDX-License-Identifier: BSD-2-Clause
/* SA files, key files, and the line with which Wireshark decrypts. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "fields.h"
#include "vesper_sa.h"
#include "vesper_status.h"

#define SALT_LEN 4
#define KEY_MAX	 (32 + SALT_LEN)

void cli_erase(void *memory, size_t size)
{
	OPENSSL_cleanse(memory, size);
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

static int read_line(const struct cli *cli, char *line, unsigned int number, struct vesper_sa *sa)
{
	char *name, *value, *equals;
	const struct field *field;

	line[strcspn(line, "#")] = '\0';
	name = trim(line);
	if (!*name)
		return CLI_OK;
	equals = strchr(name, '=');
	/* The two files may have been taken for each other: what may be a key is not repeated. */
	if (!equals && !name[strspn(name, "0123456789abcdefABCDEFxX: \t")])
		return cli_fail(cli, CLI_USAGE,
				"%s:%u: hexadecimal digits alone are not `field = value`; "
				"a key file is given by --key-file",
				cli->sa_file, number);
	if (!equals)
		return cli_fail(cli, CLI_USAGE, "%s:%u: '%s' is not `field = value`", cli->sa_file,
				number, name);
	*equals = '\0';
	name = trim(name);
	value = trim(equals + 1);
	if (!strcmp(name, "key"))
		return cli_fail(
			cli, CLI_USAGE,
			"%s:%u: field 'key': keys stand in a file of their own (--key-file)",
			cli->sa_file, number);
	field = field_find(sa_fields, name);
	if (!field)
		return cli_fail(cli, CLI_USAGE, "%s:%u: unknown field '%s'", cli->sa_file, number,
				name);
	if (!field_set(field, sa, value))
		return cli_fail(cli, CLI_USAGE, "%s:%u: field '%s': '%s' is not %s", cli->sa_file,
				number, name, value, field->wanted);
	return CLI_OK;
}

static int read_fields(const struct cli *cli, struct vesper_sa *sa)
{
	unsigned int number = 0;
	char line[256];
	int err = CLI_OK;
	FILE *in;

	in = fopen(cli->sa_file, "re");
	if (!in)
		return cli_fail(cli, CLI_USAGE, "%s: %s", cli->sa_file, strerror(errno));
	while (!err && fgets(line, sizeof(line), in)) {
		number++;
		if (!strchr(line, '\n') && !feof(in))
			err = cli_fail(cli, CLI_USAGE, "%s:%u: line is longer than %zu bytes",
				       cli->sa_file, number, sizeof(line) - 2);
		else
			err = read_line(cli, line, number, sa);
	}
	if (!err && ferror(in))
		err = cli_fail(cli, CLI_USAGE, "%s: %s", cli->sa_file, strerror(errno));
	fclose(in);
	return err;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal with blanks, colons and a leading 0x. Return: bytes, or -1. */
static int from_hex(const char *text, uint8_t *out, int max)
{
	int n = 0, high, low;

	while (isspace((unsigned char)*text))
		text++;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (;;) {
		while (isspace((unsigned char)*text) || *text == ':')
			text++;
		if (!*text)
			return n;
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0 || n == max)
			return -1;
		out[n++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
}

static int read_key(const struct cli *cli, struct vesper_sa *sa)
{
	int fd = cli->key_fd;
	uint8_t key[KEY_MAX];
	char name[32];
	const char *from = cli->key_file;
	char text[4 * KEY_MAX + 8];
	size_t used = 0;
	ssize_t got;
	int n, err = CLI_OK;

	if (!cli->key_file == (cli->key_fd < 0))
		return cli_fail(cli, CLI_USAGE,
				"the key comes from --key-file or --key-fd, one of them");
	if (from) {
		fd = open(from, O_RDONLY | O_CLOEXEC);
	} else {
		snprintf(name, sizeof(name), "descriptor %d", fd);
		from = name;
	}
	if (fd < 0)
		return cli_fail(cli, CLI_USAGE, "%s: %s", from, strerror(errno));
	do {
		got = read(fd, text + used, sizeof(text) - 1 - used);
		used += got > 0 ? (size_t)got : 0;
	} while (got > 0 && used < sizeof(text) - 1);
	text[used] = '\0';
	/* A full buffer or a zero byte: there is more than the text shows. */
	n = got || strlen(text) != used ? -1 : from_hex(text, key, KEY_MAX);
	if (got < 0) {
		err = cli_fail(cli, CLI_USAGE, "%s: %s", from, strerror(errno));
	} else if (n != 16 + SALT_LEN && n != 24 + SALT_LEN && n != 32 + SALT_LEN) {
		err = cli_fail(
			cli, CLI_USAGE,
			"%s: not 20, 28 or 36 bytes in hexadecimal (AES key, then 4 bytes of salt)",
			from);
	} else {
		sa->key_len = (uint8_t)(n - SALT_LEN);
		memcpy(sa->key, key, sa->key_len);
		memcpy(sa->salt, key + sa->key_len, SALT_LEN);
	}
	if (cli->key_file)
		close(fd);
	cli_erase(key, sizeof(key));
	cli_erase(text, sizeof(text));
	return err;
}

/* The file was written for the other direction: what only that has is left out. */
static void turn(struct vesper_sa *sa, unsigned int dir)
{
	if (sa->dir == dir)
		return;
	sa->dir = (uint8_t)dir;
	if (dir == VESPER_DIR_OUT) {
		sa->flags &= ~VESPER_SAF_SELECTOR;
		memset(&sa->sel, 0, sizeof(sa->sel));
		return;
	}
	sa->flags &=
		~(VESPER_SAF_DF | VESPER_SAF_DF_COPY | VESPER_SAF_DSCP_MAP | VESPER_SAF_FLOW_COPY);
	sa->tfc = 0;
	sa->mtu = 0;
	sa->flow_label = 0;
	sa->lease_end = 0;
	sa->lease_warn = 0;
}

int cli_read_sa(const struct cli *cli, unsigned int dir, struct vesper_sa *sa)
{
	struct vesper_sa other;
	struct vesper_sa_error bad;
	enum vesper_mbx_status code;
	int err;

	*sa = (struct vesper_sa){
		.dir = VESPER_DIR_OUT,
		.mode = VESPER_MODE_TUNNEL,
		.alg = VESPER_ALG_AES_GCM,
		.icv_len = 16,
		.ttl = 64,
		.replay_window = 64,
	};
	if (!cli->sa_file)
		return cli_fail(cli, CLI_USAGE, "which SA? Give --sa FILE");
	err = read_fields(cli, sa);
	if (!err && cli->direction &&
	    !field_set(field_find(sa_fields, "direction"), &other, cli->direction))
		err = cli_fail(cli, CLI_USAGE, "--direction: '%s' is not out or in",
			       cli->direction);
	else if (!err && cli->direction)
		turn(sa, other.dir);
	if (!err)
		err = read_key(cli, sa);
	if (dir)
		turn(sa, dir);
	if (!sa->family)
		sa->family = VESPER_IPV4;
	if (sa->dir == VESPER_DIR_OUT || (sa->flags & VESPER_SAF_INPLACE))
		sa->replay_window = 0;
	if (!err) {
		code = vesper_sa_check(sa, &bad);
		if (code != VESPER_MBX_OK)
			err = cli_fail(cli, CLI_USAGE, "%s: field %s = %llu: %s", cli->sa_file,
				       vesper_sa_field_name(bad.field),
				       (unsigned long long)bad.value, vesper_mbx_strerror(code));
	}
	if (err)
		cli_erase(sa, sizeof(*sa));
	return err;
}

int cli_write_keylog(const struct cli *cli, const struct vesper_sa *sa)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	uint32_t spi;
	FILE *out;
	int fd, i;

	fd = open(cli->keylog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	out = fd < 0 ? NULL : fdopen(fd, "a");
	if (!out) {
		if (fd >= 0)
			close(fd);
		return cli_fail(cli, CLI_FAILED, "%s: %s", cli->keylog, strerror(errno));
	}
	memcpy(&spi, sa->spi, sizeof(spi));
	fprintf(out, "\"IPv%u\",\"%s\",\"%s\",\"0x%08x\",", sa->family,
		sa->mode == VESPER_MODE_TUNNEL ? address_text(sa->family, sa->src, src) : "*",
		address_text(sa->family, sa->dst, dst), ntohl(spi));
	if (sa->alg == VESPER_ALG_AES_GMAC) {
		/* Sent in clear; Wireshark cannot check this ICV. */
		fprintf(out, "\"NULL\",\"\",\"ANY 128 bit authentication [no checking]\",\"\"\n");
	} else {
		fprintf(out, "\"AES-GCM with %u octet ICV [RFC4106]\",\"0x", sa->icv_len);
		for (i = 0; i < sa->key_len; i++)
			fprintf(out, "%02x", sa->key[i]);
		for (i = 0; i < SALT_LEN; i++)
			fprintf(out, "%02x", sa->salt[i]);
		fprintf(out, "\",\"NULL\",\"\"\n");
	}
	if (fclose(out))
		return cli_fail(cli, CLI_FAILED, "%s: %s", cli->keylog, strerror(errno));
	return CLI_OK;
}
