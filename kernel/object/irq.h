/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interrupt lines, as Notifications know them. */
#pragma once

#include <object.h>

/* No line signals this Notification any more; those that did are masked. */
void irq_unbind_notification(notification_ref ref);
