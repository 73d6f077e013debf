/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Capabilities that go out in answers.  They are minted into slots of mem's and moved out with the answer; what a client
 * did not take is deleted before the slot is used again.
 */
#include <tessera/service.h>

#include "handlers.h"

#define GRANT_RIGHTS (RIGHT_WRITE | RIGHT_GRANT)
#define OBJECT_RIGHTS (GRANT_RIGHTS | RIGHT_REVOKE) /* vfs takes windows back from those it gave them to */

static cap_t grant_slots; /* two consecutive ones */

bool grant_start(void)
{
	grant_slots = slot_alloc_run(2);
	return grant_slots != 0;
}

static bool mint(cap_t slot, uint64_t badge, uint64_t rights)
{
	enum tessera_error error =
		ts_cnode_mint(SLOT_OWN(slot), SLOT_OWN(SERVICE_CAP_ENDPOINT), rights, badge, 0);

	if (error == E_SLOT_USED) {
		(void)ts_cnode_delete(SLOT_OWN(slot), 0);
		error = ts_cnode_mint(SLOT_OWN(slot), SLOT_OWN(SERVICE_CAP_ENDPOINT), rights, badge, 0);
	}
	return error == E_OK;
}

static void send_moved(struct request *rq, uint32_t index, cap_t slot, uint8_t rights)
{
	rq->page->send_slot[index] = SLOT_OWN(slot);
	rq->page->send_mode[index] = XFER_MOVE;
	rq->page->send_rights[index] = rights;
}

bool grant_space(struct request *rq, struct space *space)
{
	if (!mint(grant_slots, badge_make(MEM_BADGE_SPACE, space->id), GRANT_RIGHTS) ||
	    !mint(grant_slots + 1, badge_make(MEM_BADGE_FAULT, space->id), GRANT_RIGHTS))
		return false;
	send_moved(rq, 0, grant_slots, GRANT_RIGHTS);
	rq->page->send_slot[1] = SLOT_OWN(space->port.vspace);
	rq->page->send_mode[1] = XFER_CHILD;
	rq->page->send_rights[1] = RIGHT_WRITE;
	send_moved(rq, 2, grant_slots + 1, GRANT_RIGHTS);
	return true;
}

bool grant_object(struct request *rq, uint32_t object)
{
	uint64_t badge = badge_make(MEM_BADGE_OBJECT, object);

	if (!mint(grant_slots, badge, OBJECT_RIGHTS) ||
	    !mint(grant_slots + 1, badge | MEM_BADGE_OBJECT_WRITE, OBJECT_RIGHTS))
		return false;
	send_moved(rq, 0, grant_slots, OBJECT_RIGHTS);
	send_moved(rq, 1, grant_slots + 1, OBJECT_RIGHTS);
	return true;
}
