/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Capabilities in answers, start of paths, parked requests, dispatch. The anchor of a description is minted when its index is
 * used for the first time and stays: after its drop notice no capability with its badge exists, so it can serve again.
 */
#include "serve.h"

#include <string.h>

#include <tessera/proto/file_server.h>
#include <tessera/proto/vfs_server.h>
#include <tessera/service.h>

#include "env.h"
#include "proc.h"
#include "upcall.h"

#define PARKED_MAX 64u

static cap_t anchors[FILES_MAX];
static cap_t proc_notify;
static struct file *given[2];
static uint32_t given_count;

uint32_t serve_anchor(struct file *file)
{
	if (file->state & OPENFILE_ANCHORED)
		return anchors[file->index];
	cap_t slot = slot_alloc();
	if (slot == 0)
		return 0;
	enum tessera_error error = ts_cnode_mint(SLOT_OWN(slot), SLOT_OWN(SERVICE_CAP_ENDPOINT),
						 RIGHT_WRITE | RIGHT_GRANT, OPENFILE_BADGE(file->index), 1);
	if (error != E_OK) {
		slot_free(slot);
		log_line(LOG_WARNING, "no anchor for a file error=%d", (int)error);
		return 0;
	}
	anchors[file->index] = slot;
	file->state |= OPENFILE_ANCHORED;
	return slot;
}

void serve_give_nothing(void)
{
	given_count = 0;
}

int serve_give(struct request *rq, uint32_t index, struct file *file)
{
	uint32_t anchor = serve_anchor(file);
	if (anchor == 0)
		return ENFILE;
	rq->page->send_slot[index] = SLOT_OWN(anchor);
	rq->page->send_mode[index] = XFER_CHILD;
	rq->page->send_rights[index] = RIGHT_WRITE | RIGHT_GRANT;
	given[index] = file;
	given_count = index + 1;
	return 0;
}

void serve_take_back(void)
{
	for (uint32_t i = 0; i < given_count; i++)
		openfile_close(given[i]);
	given_count = 0;
}

static int root_of(const struct request *rq, uint32_t cap, struct dentry **root)
{
	if (cap >= MSG_TAG_CAPS(rq->tag) || cap >= MSG_MAX_CAPS ||
	    rq->page->received_kind[cap] != RECEIVED_BADGE)
		return EBADF;
	const struct file *file = openfile_of_badge(rq->page->received_badge[cap]);
	if (!file || !file->dentry || !inode_is_directory(file->inode))
		return EBADF;
	*root = file->dentry;
	return 0;
}

int serve_start(const struct request *rq, uint32_t has_root, uint32_t cap, struct walk_start *start)
{
	*start = (struct walk_start){0};
	if (rq->badge == 0) {
		start->at = root_dentry;
	} else {
		const struct file *file = serve_file(rq);
		if (!file)
			return EBADF;
		if (file->dentry && inode_is_directory(file->inode))
			start->at = file->dentry;
	}
	return has_root ? root_of(rq, cap, &start->root) : 0;
}

int serve_walk(struct request *rq, const struct caller *caller, struct walk_start start, const char *path,
	       uint32_t length, uint32_t flags, struct walk *out)
{
	int error = walk_path(caller, start, path, length, flags, out);
	return error == VFS_PARK ? serve_park(rq) : error;
}

/* ---- parked requests */

#define PARKED_CAPS 2u
#define PARKED_ROUNDS 8u /* answers a request may wait for: one that needs two at once never has both */
#define PARKED_WORDS 64u /* of the message page: data of a request that has some */

struct parked {
	struct ipc_msg message;
	uint64_t words[PARKED_WORDS];
	uint64_t badge[PARKED_CAPS]; /* directory and root that came along */
	uint8_t kind[PARKED_CAPS];
	uint32_t rounds;
	struct upcall_question wanted;
	uint64_t serial;
	struct upcall_known known[UPCALL_KNOWN];
	cap_t reply; /* 0: free */
};

static struct parked parked[PARKED_MAX];
static uint32_t parked_count;
static uint32_t rounds;		     /* of the request that is done again; else 0 */
static struct upcall_question asked; /* what is out; code 0: nothing */

uint32_t serve_parked(void)
{
	return parked_count;
}

static void ask(const struct upcall_question *wanted)
{
	if (!upcall_post(wanted))
		return;
	asked = *wanted;
	if (proc_notify == 0)
		proc_notify = service_cap("proc_notify");
	(void)ts_signal(proc_notify, PROC_NOTIFY_VFS);
}

int serve_park(struct request *rq)
{
	const struct file *file = serve_file(rq);
	const struct upcall_question *wanted = upcall_wanted();
	if (parked_count == PARKED_MAX || !file || MSG_TAG_WORDS(rq->tag) > MSG_REGISTER_WORDS + PARKED_WORDS)
		return EAGAIN;
	if (rounds == PARKED_ROUNDS)
		return ELOOP;
	struct parked *entry = parked;
	while (entry->reply != 0)
		entry++;
	cap_t reply = rounds == 0 ? service_keep_reply(rq) : rq->reply_slot; /* else it is kept already */
	if (reply == 0)
		return ENOMEM;
	*entry = (struct parked){.message = rq->msg,
				 .wanted = *wanted,
				 .serial = file->serial,
				 .reply = reply,
				 .rounds = rounds + 1};
	for (uint32_t i = 0; i < PARKED_CAPS; i++) {
		entry->badge[i] = rq->page->received_badge[i];
		entry->kind[i] = (uint8_t)rq->page->received_kind[i];
	}
	memcpy(entry->known, upcall_known, sizeof(entry->known));
	memcpy(entry->words, &rq->page->words[MSG_REGISTER_WORDS], sizeof(entry->words));
	parked_count++;
	if (asked.code == 0)
		ask(wanted);
	return SERVICE_NO_REPLY;
}

/* Does one parked request again; if its file was closed meanwhile the index may be somebody else's. */
static void redo(struct parked *entry)
{
	struct request rq = {.msg = entry->message, .page = service_page(), .reply_slot = entry->reply};
	const struct file *file = openfile_of_badge(rq.badge);
	cap_t reply = entry->reply;
	bool same = file && file->serial == entry->serial;
	entry->reply = 0;
	parked_count--;
	memcpy(&rq.page->words[MSG_REGISTER_WORDS], entry->words, sizeof(entry->words));
	for (uint32_t i = 0; i < PARKED_CAPS; i++) {
		rq.page->received_badge[i] = entry->badge[i];
		rq.page->received_kind[i] = entry->kind[i];
	}
	entry->known[entry->rounds % UPCALL_KNOWN] =
		(struct upcall_known){entry->wanted.code, upcall_answer()[UPCALL_DESCRIPTION]};
	memcpy(upcall_known, entry->known, sizeof(upcall_known));
	rounds = entry->rounds;
	int status = same ? serve_dispatch(&rq) : service_answer(&rq, EBADF, 0, 0);
	rounds = 0;
	memset(upcall_known, 0, sizeof(upcall_known));
	if (status == SERVICE_NO_REPLY) /* kept again, for another answer */
		return;
	if (service_reply_kept(reply, &rq) == E_GONE && rq.undo_op != 0)
		serve_undo(&rq);
}

void serve_resume(void)
{
	static const struct upcall_question none;
	if (asked.code == 0 || !upcall_is_done())
		return;
	upcall_set_answered(&asked);
	for (uint32_t i = 0; i < PARKED_MAX; i++)
		if (parked[i].reply != 0 && upcall_is_same(&parked[i].wanted, &asked))
			redo(&parked[i]);
	upcall_set_answered(&none);
	asked = none;
	for (uint32_t i = 0; i < PARKED_MAX && asked.code == 0; i++)
		if (parked[i].reply != 0)
			ask(&parked[i].wanted);
}

/* ---- dispatch */

int serve_dispatch(struct request *rq)
{
	return MSG_TAG_OP(rq->tag) < VFS_OP_MIN ? file_dispatch(rq) : vfs_dispatch(rq);
}

void serve_undo(struct request *rq)
{
	if (rq->undo_op < VFS_OP_MIN)
		file_undo(rq);
	else
		vfs_undo(rq);
}

void serve_notice(void *context, uint64_t badge)
{
	struct file *file = openfile_of_badge(badge);
	(void)context;
	if (file)
		openfile_close(file);
}
