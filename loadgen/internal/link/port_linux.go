package link

import "syscall"

// bindAddressNoPort is IP_BIND_ADDRESS_NO_PORT of ip(7).
const bindAddressNoPort = 24

// choosePortLate lets the system choose the port when it knows the peer, so that one port serves
// for each peer, and not when the source address is bound, where it has to be unused by all.
func choosePortLate(fd uintptr) {
	syscall.SetsockoptInt(int(fd), syscall.SOL_IP, bindAddressNoPort, 1) //nolint:errcheck // an old system does without
}
