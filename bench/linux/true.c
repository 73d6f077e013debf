/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The small static program that the exec rows start: does nothing. */
int main(void)
{
	return 0;
}
