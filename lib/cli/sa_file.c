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
#include "vesper_sa.h"
#include "vesper_status.h"

#define SALT_LEN 4
#define KEY_MAX	 (32 + SALT_LEN)

void cli_erase(void *memory, size_t size)
{
	OPENSSL_cleanse(memory, size);
}

static bool to_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return !errno && end != text && !*end && *text != '-' && *out <= max;
}

static bool set_direction(struct vesper_sa *sa, const char *text)
{
	if (strcmp(text, "out") && strcmp(text, "in"))
		return false;
	sa->dir = strcmp(text, "in") ? VESPER_DIR_OUT : VESPER_DIR_IN;
	return true;
}

/* Return: NULL, or what the field may be. */
static const char *set_field(struct vesper_sa *sa, const char *name, const char *text)
{
	uint64_t n;

	if (!strcmp(name, "direction"))
		return set_direction(sa, text) ? NULL : "out or in";
	if (!strcmp(name, "mode")) {
		sa->mode = strcmp(text, "transport") ? VESPER_MODE_TUNNEL : VESPER_MODE_TRANSPORT;
		return strcmp(text, "transport") && strcmp(text, "tunnel") ? "tunnel or transport" :
									     NULL;
	}
	if (!strcmp(name, "source"))
		return inet_pton(AF_INET, text, sa->src) == 1 ? NULL : "an IPv4 address";
	if (!strcmp(name, "destination"))
		return inet_pton(AF_INET, text, sa->dst) == 1 ? NULL : "an IPv4 address";
	if (!strcmp(name, "spi")) {
		if (!to_number(text, UINT32_MAX, &n) || n < 256)
			return "a number from 256 to 4294967295";
		n = htonl((uint32_t)n);
		memcpy(sa->spi, &n, sizeof(sa->spi));
		return NULL;
	}
	if (!strcmp(name, "icv")) {
		if (!to_number(text, 16, &n) || (n != 8 && n != 12 && n != 16))
			return "8, 12 or 16";
		sa->icv_len = (uint8_t)n;
		return NULL;
	}
	if (!strcmp(name, "replay-window")) {
		if (!to_number(text, VESPER_REPLAY_MAX, &n))
			return "a number from 0 to 4096";
		sa->replay_window = (uint32_t)n;
		return NULL;
	}
	if (!strcmp(name, "sequence"))
		return to_number(text, UINT32_MAX, &sa->seq) ? NULL :
							       "a number from 0 to 4294967295";
	if (!strcmp(name, "ttl")) {
		if (!to_number(text, 255, &n) || !n)
			return "a number from 1 to 255";
		sa->ttl = (uint8_t)n;
		return NULL;
	}
	if (!strcmp(name, "tos")) {
		if (!to_number(text, 255, &n))
			return "a number from 0 to 255";
		sa->tos = (uint8_t)n;
		return NULL;
	}
	if (!strcmp(name, "df")) {
		if (strcmp(text, "yes") && strcmp(text, "no"))
			return "yes or no";
		sa->flags = strcmp(text, "no") ? VESPER_SAF_DF : 0;
		return NULL;
	}
	if (!strcmp(name, "queue")) {
		if (!to_number(text, 15, &n))
			return "a number from 0 to 15";
		sa->queue = (uint16_t)n;
		return NULL;
	}
	return "";
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
	const char *wanted;

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
	wanted = set_field(sa, name, value);
	if (wanted && !*wanted)
		return cli_fail(cli, CLI_USAGE, "%s:%u: unknown field '%s'", cli->sa_file, number,
				name);
	if (wanted)
		return cli_fail(cli, CLI_USAGE, "%s:%u: field '%s': '%s' is not %s", cli->sa_file,
				number, name, value, wanted);
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

int cli_read_sa(const struct cli *cli, unsigned int dir, struct vesper_sa *sa)
{
	struct vesper_sa_error bad;
	enum vesper_mbx_status code;
	int err;

	*sa = (struct vesper_sa){
		.dir = VESPER_DIR_OUT,
		.mode = VESPER_MODE_TUNNEL,
		.family = VESPER_IPV4,
		.alg = VESPER_ALG_AES_GCM,
		.icv_len = 16,
		.ttl = 64,
		.replay_window = 64,
	};
	if (!cli->sa_file)
		return cli_fail(cli, CLI_USAGE, "which SA? Give --sa FILE");
	err = read_fields(cli, sa);
	if (!err && cli->direction && !set_direction(sa, cli->direction))
		err = cli_fail(cli, CLI_USAGE, "--direction: '%s' is not out or in",
			       cli->direction);
	if (!err)
		err = read_key(cli, sa);
	if (dir)
		sa->dir = (uint8_t)dir;
	if (sa->dir == VESPER_DIR_OUT)
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
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
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
	inet_ntop(AF_INET, sa->src, src, sizeof(src));
	inet_ntop(AF_INET, sa->dst, dst, sizeof(dst));
	fprintf(out,
		"\"IPv4\",\"%s\",\"%s\",\"0x%08x\",\"AES-GCM with %u octet ICV [RFC4106]\",\"0x",
		sa->mode == VESPER_MODE_TUNNEL ? src : "*", dst, ntohl(spi), sa->icv_len);
	for (i = 0; i < sa->key_len; i++)
		fprintf(out, "%02x", sa->key[i]);
	for (i = 0; i < SALT_LEN; i++)
		fprintf(out, "%02x", sa->salt[i]);
	fprintf(out, "\",\"NULL\",\"\"\n");
	if (fclose(out))
		return cli_fail(cli, CLI_FAILED, "%s: %s", cli->keylog, strerror(errno));
	return CLI_OK;
}
