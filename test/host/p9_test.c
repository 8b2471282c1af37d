/* SPDX-License-Identifier: MIT */
/*
 * p9_test.c - what the 9P client makes of the host's replies, good and bad
 *
 * Behind the client is a host of a few lines that answers as the protocol wants
 * it, and then spoils its answer: cut, another type, another tag, a count that
 * is too large, bytes turned. Whatever comes, the client may only say EIO (or
 * an errno it was told); the sanitizers see the rest.
 */
#include "kernel/abi/errno.h"
#include "kernel/debug/ktest.h"
#include "kernel/fs/9p/client.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

enum spoil {
	NOTHING,
	SHORT,
	TYPE,
	TAG,
	SIZE_TOO_LARGE,
	SIZE_TOO_SMALL,
	COUNT,
	RANDOM,
	NUM_SPOILS
};

static struct {
	enum spoil how;
	uint8_t only; /* this type of request; 0: all */
	unsigned int clunks;
	uint64_t random;
} host;

static unsigned int next_random(void)
{
	host.random = host.random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(host.random >> 33);
}

static size_t put(uint8_t *to, size_t at, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		to[at + i] = (uint8_t)(value >> (8 * i));
	return at + size;
}

/* A right answer to @in, in @out; its size. */
static size_t answer(const uint8_t *in, uint8_t *out)
{
	size_t at = P9_HEADER;

	memset(out, 0, 512);
	switch (in[4]) {
	case P9_TVERSION:
		at = put(out, at, 8192, 4);
		at = put(out, at, 8, 2);
		memcpy(out + at, "9P2000.L", 8);
		at += 8;
		break;
	case P9_TATTACH:
		at += 13;
		break;
	case P9_TWALK:
		at = put(out, at, in[15], 2);
		at += in[15] ? 13 : 0;
		break;
	case P9_TGETATTR:
		at += 8 + 13 + 4 * 3 + 8 * 15;
		break;
	case P9_TREAD:
	case P9_TREADDIR:
		at = put(out, at, 100, 4);
		memset(out + at, 'r', 100);
		if (in[4] == P9_TREADDIR) /* one entry of 76 bytes' name */
			put(out, at + 22, 76, 2);
		at += 100;
		break;
	case P9_TWRITE:
		at = put(out, at, in[19], 4);
		break;
	case P9_TREADLINK:
		at = put(out, at, 6, 2);
		memcpy(out + at, "target", 6);
		at += 6;
		break;
	case P9_TSTATFS:
		at += 4 + 4 + 6 * 8 + 4;
		break;
	case P9_TXATTRWALK:
		at = put(out, at, 5, 8);
		break;
	case P9_TLOPEN:
	case P9_TLCREATE:
		at += 13 + 4;
		break;
	default:
		break;
	}
	put(out, 0, at, 4);
	out[4] = (uint8_t)(in[4] + 1);
	memcpy(out + 5, in + 5, 2);
	return at;
}

static size_t spoil(uint8_t *out, size_t size)
{
	switch (host.how) {
	case SHORT:
		return next_random() % size;
	case TYPE:
		out[4] = (uint8_t)(out[4] + 2);
		break;
	case TAG:
		out[5] ^= 1;
		break;
	case SIZE_TOO_LARGE:
		put(out, 0, size + 1 + next_random() % 5000, 4);
		break;
	case SIZE_TOO_SMALL:
		put(out, 0, next_random() % P9_HEADER, 4);
		break;
	case COUNT:
		put(out, P9_HEADER, 0x7fffffff + next_random() % 9, 4);
		break;
	case RANDOM:
		for (unsigned int n = 1 + next_random() % 6; n; n--)
			out[next_random() % size] = (uint8_t)next_random();
		if (next_random() % 2)
			size = next_random() % (size + 1);
		break;
	default:
		break;
	}
	return size;
}

static ssize_t call(struct share *share, const struct share_message *message)
{
	uint8_t in[1024], out[512];
	size_t size = 0, done = 0;

	for (unsigned int i = 0; i < message->num_out; i++) {
		const struct share_piece *piece = &message->out[i];
		size_t part = MIN(piece->size, sizeof(in) - size);

		memcpy(in + size, piece->at, part);
		size += part;
	}
	if (in[4] == P9_TCLUNK)
		host.clunks++;
	size = answer(in, out);
	if (host.how && (!host.only || host.only == in[4]))
		size = spoil(out, size);
	for (unsigned int i = 0; i < message->num_in && done < size; i++) {
		const struct share_piece *piece = &message->in[i];
		size_t part = MIN(piece->size, size - done);

		memcpy(piece->at, out + done, part);
		done += part;
	}
	return (ssize_t)done;
}

static const struct share_ops ops = { .call = call };
static struct share share = { .tag = "test", .ops = &ops };

static int connect(struct p9 *p9, struct p9_fid **root)
{
	memset(p9, 0, sizeof(*p9));
	return p9_connect(p9, &share, 65536, 0, "", root);
}

/* One of everything. How many did not end well; *@strange: with what is
 * neither EIO nor an errno. */
static unsigned int try_all(struct p9 *p9, struct p9_fid *root, bool *strange)
{
	struct p9_name name = { "name", 4 };
	struct p9_fid *fid = NULL, *attr = NULL;
	struct p9_attributes attributes;
	struct p9_statfs statfs;
	unsigned int bad = 0, n = 0;
	struct p9_entry entry;
	struct p9_qid qid;
	ssize_t result[12];
	uint64_t size;
	size_t at = 0;
	char *buf = kmalloc(200);

	result[n++] = p9_walk(p9, root, &name, &fid, &qid);
	result[n++] = p9_getattr(p9, root, &attributes);
	result[n++] = p9_statfs(p9, root, &statfs);
	result[n++] = p9_open(p9, root, 0);
	result[n++] = p9_read(p9, root, 0, buf, 200);
	result[n++] = p9_readdir(p9, root, 0, buf, 200);
	while (result[n - 1] > 0 &&
	       p9_next_entry(buf, (size_t)result[n - 1], &at, &entry))
		continue;
	result[n++] = p9_write(p9, root, 0, buf, 150);
	result[n++] = p9_readlink(p9, root, buf, 200);
	result[n++] = p9_mkdir(p9, root, &name, 0755, 0);
	result[n++] = p9_xattr_walk(p9, root, "user.a", &attr, &size);
	for (unsigned int i = 0; i < n; i++) {
		bad += result[i] < 0;
		if (result[i] < -4095 || result[i] > 200)
			*strange = true;
	}
	p9_fid_put(p9, fid);
	p9_fid_put(p9, attr);
	kfree(buf);
	return bad;
}

KTEST(p9_client_understands_a_right_host)
{
	struct p9_fid *root;
	struct p9 p9;
	bool strange = false;

	host.how = NOTHING;
	host.clunks = 0;
	KTEST_TRUE(connect(&p9, &root) == 0);
	KTEST_TRUE(p9.max_size == 8192);
	KTEST_TRUE(try_all(&p9, root, &strange) == 0 && !strange);
	KTEST_TRUE(host.clunks == 2);
	p9_fid_put_later(&p9, root);
	KTEST_TRUE(host.clunks == 2);
	p9_disconnect(&p9);
	KTEST_TRUE(host.clunks == 3);
}

KTEST(p9_client_says_eio_to_a_wrong_reply)
{
	char buf[64];

	for (enum spoil how = SHORT; how <= COUNT; how++) {
		struct p9_fid *root;
		struct p9 p9;
		ssize_t done;

		host.how = NOTHING;
		KTEST_TRUE(connect(&p9, &root) == 0);
		host.how = how;
		host.only = P9_TREAD;
		done = p9_read(&p9, root, 0, buf, sizeof(buf));
		/* A hundred bytes do not fit into 64 in any case. */
		KTEST_TRUE(done == -EIO);
		host.only = P9_TGETATTR;
		if (how != COUNT) {
			struct p9_attributes attributes;

			KTEST_TRUE(p9_getattr(&p9, root, &attributes) == -EIO);
		}
		host.how = NOTHING;
		p9_fid_put(&p9, root);
		p9_disconnect(&p9);
	}
}

KTEST(p9_client_lives_with_any_host)
{
	bool strange = false;
	unsigned int bad = 0;

	for (unsigned int i = 0; i < 3000; i++) {
		struct p9_fid *root = NULL;
		struct p9 p9;

		host.random = i;
		host.how = NOTHING;
		host.only = 0;
		if (i % 4 == 0)
			host.how = RANDOM;
		if (connect(&p9, &root))
			continue;
		host.how = 1 + i % (NUM_SPOILS - 1);
		bad += try_all(&p9, root, &strange);
		p9_fid_put(&p9, root);
		p9_disconnect(&p9);
	}
	KTEST_TRUE(bad > 1000 && !strange);
}
