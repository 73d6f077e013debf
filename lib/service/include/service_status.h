/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a service is doing, at the top of its stack: written by the loop before each request, read by root for a crash
 * report.  A hint: a service gone mad may have written anything there.
 */
#pragma once

#include <stdint.h>

#include <tessera/service.h>

struct service_status {
	uint64_t label, badge; /* of the request being served; 0: none */
	uint32_t operation;
	uint32_t requests; /* count, wraps */
	uint64_t reserved[5];
};
static_assert(sizeof(struct service_status) == 64, "service_status is ABI between services and root");

#define SERVICE_STATUS_VA (SERVICE_STACK_TOP - sizeof(struct service_status))
