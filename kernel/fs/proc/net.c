/* SPDX-License-Identifier: MIT */
/*
 * net.c - /proc/net: tables of sockets and interfaces
 *
 * Until there is a network, the tables have only their head lines; programs
 * that list sockets then list none.
 */
#include "kernel/fs/proc/internal.h"

static const char udp_head[] =
	"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
	"retrnsmt   uid  timeout inode ref pointer drops\n";
static const char udp6_head[] =
	"  sl  local_address                         remote_address            "
	" "
	"           st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
	"inode ref pointer drops\n";

const struct proc_entry proc_net_files[] = {
	{ "arp", PROC_FILE,
	  .constant = "IP address       HW type     Flags       HW address"
		      "            Mask     Device\n" },
	{ "dev", PROC_FILE,
	  .constant = "Inter-|   Receive                                     "
		      "           |  Transmit\n"
		      " face |bytes    packets errs drop fifo frame compressed "
		      "multicast|bytes    packets errs drop fifo colls carrier "
		      "compressed\n" },
	{ "if_inet6", PROC_FILE, .constant = "" },
	{ "netstat", PROC_FILE, .constant = "" },
	{ "packet", PROC_FILE,
	  .constant = "sk       RefCnt Type Proto  Iface R Rmem   User   "
		      "Inode\n" },
	{ "raw", PROC_FILE, .constant = udp_head },
	{ "raw6", PROC_FILE, .constant = udp6_head },
	{ "route", PROC_FILE,
	  .constant = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\t"
		      "Metric\tMask\t\tMTU\tWindow\tIRTT"
		      "                                                       "
		      "\n" },
	{ "snmp", PROC_FILE, .constant = "" },
	{ "sockstat", PROC_FILE, .constant = "sockets: used 0\n" },
	{ "tcp", PROC_FILE,
	  .constant = "  sl  local_address rem_address   st tx_queue rx_queue "
		      "tr tm->when retrnsmt   uid  timeout inode"
		      "                                                     "
		      "\n" },
	{ "tcp6", PROC_FILE,
	  .constant =
		  "  sl  local_address                         remote_address "
		  "                        st tx_queue rx_queue tr tm->when "
		  "retrnsmt   uid  timeout inode\n" },
	{ "udp", PROC_FILE, .constant = udp_head },
	{ "udp6", PROC_FILE, .constant = udp6_head },
	{ "udplite", PROC_FILE, .constant = udp_head },
	{ "udplite6", PROC_FILE, .constant = udp6_head },
	{ "unix", PROC_FILE,
	  .constant = "Num       RefCount Protocol Flags    Type St Inode "
		      "Path\n" },
	{},
};
