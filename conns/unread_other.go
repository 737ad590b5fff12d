//go:build !linux

package conns

import "net"

// hasUnread is not known here.
func hasUnread(net.Conn) bool { return false }
