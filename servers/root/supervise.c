/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * root's loop: serves the protocol `root` (log, ready, power, services) and takes the faults of the services.
 * Services are started one after the other, the next when the last has said `ready`.
 */
#include "kept.h"
#include "root.h"

#include <errno.h>
#include <string.h>

#include <tessera/proto/root_server.h>

#define POWER_PROCESS_EXIT 3u

static uint32_t started; /* services up to this number have been started */
static uint32_t
	were_ready; /* services up to this number have been ready; one may crash and restart before it is */

static void start_next(void)
{
	if (started < service_count())
		service_start(service_at(++started));
	else
		say(LOG_INFO, "all services run");
}

static struct service *sender(const struct request *rq)
{
	return service_at(BADGE_SERVICE(rq->badge));
}

/* The service that speaks through its control capability; NULL: the badge is for the log or for faults. */
static struct service *controller(const struct request *rq)
{
	return rq->badge & BADGE_CONTROL ? sender(rq) : NULL;
}

int root_on_log(struct request *rq, const struct root_log_in *in, struct root_log_out *out)
{
	(void)out;
	say_for(service_name(BADGE_SERVICE(rq->badge)), in->level, root_log_in_data(rq->page), in->data_len);
	return 0;
}

int root_on_ready(struct request *rq, const struct root_ready_in *in, struct root_ready_out *out)
{
	struct service *service = controller(rq);
	(void)in;
	(void)out;
	if (!service)
		return EPERM;
	service->state = SERVICE_READY;
	if (service->number == were_ready + 1) {
		were_ready++;
		start_next();
	}
	return 0;
}

int root_on_power(struct request *rq, const struct root_power_in *in, struct root_power_out *out)
{
	struct service *service = controller(rq);

	(void)out;
	if (!service || (service->manifest->flags & MANIFEST_MAY_POWER) == 0) {
		say(LOG_WARNING, "%s asks to power off, which the manifest does not allow",
		    service ? service->manifest->name : "?");
		return EPERM;
	}
	if (in->how != POWER_PROCESS_EXIT)
		say(LOG_INFO, "%s asked for %s", service->manifest->name,
		    in->how == 1 ? "a restart" : "the end");
	say_plain("tessera: exit status %u",
		  in->how == POWER_PROCESS_EXIT ? in->status : 0); /* what the host tool waits for */
	power_down(in->how);
}

int root_on_services(struct request *rq, const struct root_services_in *in, struct root_services_out *out)
{
	struct service *service = service_at(in->index + 1);

	if (!controller(rq))
		return EPERM;
	if (!service)
		return ENOENT;
	out->state = service->state;
	out->restarts = service->restarts;
	out->memory_bytes = service->memory_pages * PAGE;
	(void)ts_cap_inspect(SLOT_IN(service->leaf, SERVICE_CAP_UNTYPED), NULL, NULL, NULL, NULL, NULL,
			     &out->untyped_free);
	out->data_len = (uint32_t)strlen(service->manifest->name);
	memcpy(root_services_out_data(rq->page), service->manifest->name, out->data_len);
	return 0;
}

int root_on_log_read(struct request *rq, const struct root_log_read_in *in, struct root_log_read_out *out)
{
	if (!controller(rq))
		return EPERM;
	out->next = in->position;
	out->data_len = kept_read(&out->next, root_log_read_out_data(rq->page), ROOT_LOG_READ_OUT_MAX);
	return 0;
}

/* A service has faulted: its thread waits for an answer that it does not get. */
static void take_fault(struct request *rq)
{
	struct service *service = sender(rq);

	if (!service || (rq->badge & BADGE_FAULT) == 0)
		return;
	report_crash(service, MSG_TAG_OP(rq->tag), rq->w);
	(void)ts_cnode_delete(SLOT_OWN(rq->reply_slot), 0);
	service->state = SERVICE_CRASHED;
	if (service->manifest->restart == MANIFEST_LEAVE)
		return;
	if (service->manifest->restart == MANIFEST_RESTART &&
	    service->restarts < service->manifest->max_restarts) {
		say(LOG_WARNING, "restarting %s (%u before)", service->manifest->name, service->restarts);
		service_restart(service);
		return;
	}
	say_plain("tessera: panic: service %s crashed, and the system cannot go on without it",
		  service->manifest->name);
	power_down(0);
}

/* True: rq holds an answer. */
static bool handle(struct request *rq)
{
	uint32_t operation = MSG_TAG_OP(rq->tag);

	if (operation == MSG_OP_PAGE_FAULT || operation == MSG_OP_EXCEPTION) {
		take_fault(rq);
		return false;
	}
	if (operation >= MSG_OP_PAGE_FAULT)
		return false;
	return root_dispatch(rq) != SERVICE_NO_REPLY;
}

_Noreturn void supervise(void)
{
	struct request rq = {.page = (struct msg_page *)ROOT_MSG_PAGE_VA, .reply_slot = ROOT_CAP_REPLY};
	enum tessera_error error = E_TIMEOUT;

	start_next();
	for (;;) {
		if (error == E_OK && handle(&rq))
			error = ts_reply_recv(ROOT_CAP_ENDPOINT, rq.reply_slot, &rq.msg, DEADLINE_NEVER);
		else
			error = ts_recv(ROOT_CAP_ENDPOINT, rq.reply_slot, &rq.msg, DEADLINE_NEVER);
		if (error == E_SLOT_USED)
			(void)ts_cnode_delete(SLOT_OWN(rq.reply_slot), 0);
	}
}
