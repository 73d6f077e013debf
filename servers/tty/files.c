/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Open files.  Badge: generation << 32 | index.  The anchor (minted with a drop notice) stands in one of tty's slots and
 * its children are handed out; the notice closes the file.  Badges are not used again: the generation counts up.
 */
#include "tty.h"

#include <string.h>

#include <tessera/service.h>

#define NONE (~0u)
#define MINT_NOTICE 1u

static struct tty_file files[FILES_MAX];
static uint32_t first_free, in_use;

void files_init(void)
{
	for (uint32_t i = 0; i < FILES_MAX; i++)
		files[i] = (struct tty_file){.generation = 1, .next_free = i + 1 < FILES_MAX ? i + 1 : NONE};
	first_free = in_use = 0;
	quota_init();
	quota_limit(QUOTA_FILES, FILES_MAX / 4);
	quota_limit(QUOTA_PTYS, PTY_MAX / 2);
}

static uint64_t badge_of(const struct tty_file *file)
{
	return (uint64_t)file->generation << 32 | (uint64_t)(file - files);
}

struct tty_file *file_of_badge(uint64_t badge)
{
	uint32_t index = (uint32_t)badge;

	if (index >= FILES_MAX || files[index].terminal == NULL ||
	    files[index].generation != (uint32_t)(badge >> 32))
		return NULL;
	return &files[index];
}

void files_share_stat(const struct tty_file *file)
{
	for (uint32_t i = 0; i < FILES_MAX; i++) {
		struct file_stat *stat = &files[i].stat;

		if (!files[i].terminal || stat->dev != file->stat.dev || stat->ino != file->stat.ino)
			continue;
		stat->mode = file->stat.mode;
		stat->uid = file->stat.uid;
		stat->gid = file->stat.gid;
	}
}

struct tty_file *file_open(struct terminal *terminal, enum file_side side, uint32_t flags, uint32_t kind,
			   uint32_t account)
{
	uint32_t index = first_free;
	struct tty_file *file = index != NONE ? &files[index] : NULL;
	cap_t anchor = file && quota_has_room(account, QUOTA_FILES, 1) ? slot_alloc() : 0;

	if (anchor == 0)
		return NULL;
	if (ts_cnode_mint(SLOT_OWN(anchor), SLOT_OWN(SERVICE_CAP_ENDPOINT), RIGHT_WRITE | RIGHT_GRANT,
			  badge_of(file), MINT_NOTICE) != E_OK) {
		slot_free(anchor);
		return NULL;
	}
	first_free = file->next_free;
	file->terminal = terminal;
	file->side = side;
	file->flags = flags;
	file->kind = (uint8_t)kind;
	file->is_hung_up = false;
	file->anchor = anchor;
	file->account = account;
	(void)quota_charge(account, QUOTA_FILES, 1);
	in_use++;
	if (side == FILE_MASTER) {
		terminal->master_files++;
	} else {
		terminal->slave_files++;
		terminal->was_opened = true;
	}
	return file;
}

/* What the last close of one side of a pseudo-terminal does. */
static void leave(struct terminal *terminal, enum file_side side)
{
	if (side == FILE_MASTER && --terminal->master_files == 0) {
		terminal->is_hung_up = true;
		terminal_hang_up(terminal);
	} else if (side == FILE_SLAVE && --terminal->slave_files == 0) {
		terminal->is_exclusive = false;
		terminal_master_input(terminal);
	}
	if (terminal->kind == TERMINAL_PTY && terminal->master_files == 0 && terminal->slave_files == 0)
		terminal_release_pty(terminal);
}

void file_close(struct tty_file *file)
{
	struct terminal *terminal = file->terminal;

	slot_release(file->anchor);
	quota_release(file->account, QUOTA_FILES, 1);
	file->terminal = NULL;
	file->generation = file->generation == 0x7fffffffu ? 1 : file->generation + 1;
	file->next_free = first_free;
	first_free = (uint32_t)(file - files);
	in_use--;
	leave(terminal, file->side);
}

void files_hang_up(struct terminal *terminal)
{
	for (uint32_t i = 0; i < FILES_MAX; i++) {
		if (files[i].terminal == terminal && files[i].side == FILE_SLAVE)
			files[i].is_hung_up = true;
	}
}

uint32_t files_in_use(void)
{
	return in_use;
}
