//! The `sendmmsg` call with its C structures: the only `unsafe` code of the project.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::SockAddr;
use transport::Path;

use super::runs::MAX_SEGMENTS;

/// Most messages of one call.
pub(super) const MAX_MESSAGES: usize = 64;

/// Bytes of control data for one message: source address (40 for IPv6) and segment size (24), each with its header.
const CONTROL_SPACE: usize = 64;

/// One message: datagrams for one path.
pub(super) struct Message<'a> {
    /// To whom, from which address.
    pub(super) path: &'a Path,
    /// Bytes of each datagram but the last, when there are several.
    pub(super) segment: Option<u16>,
    /// Indices of its datagrams, at most [`MAX_SEGMENTS`].
    pub(super) members: &'a [u32],
}

/// The C structures of one call, kept from call to call so that nothing is allocated. Pointers in them are valid only within
/// [`Messages::send`].
pub(super) struct Messages {
    headers: Vec<libc::mmsghdr>,
    prepared: Vec<Prepared>,
    slices: Vec<libc::iovec>,
}

/// A message's parts that its header points to.
struct Prepared {
    name: SockAddr,
    control: Control,
    first: usize,
    count: usize,
}

impl Messages {
    /// Reserves room for the largest call.
    pub(super) fn new() -> Self {
        Self {
            headers: Vec::with_capacity(MAX_MESSAGES),
            prepared: Vec::with_capacity(MAX_MESSAGES),
            slices: Vec::with_capacity(MAX_MESSAGES * MAX_SEGMENTS),
        }
    }

    /// Gives the first [`MAX_MESSAGES`] of `messages`, whose members index `datagrams`, to the kernel in one call, without blocking.
    /// Says how many it took, at least 1.
    ///
    /// # Errors
    /// The kernel's verdict on the first message. (An error further on shows only in the count; send the rest to learn it.)
    pub(super) fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        datagrams: &[&[u8]],
        messages: impl Iterator<Item = Message<'a>>,
    ) -> io::Result<usize> {
        self.prepare(datagrams, messages);
        let slices = self.slices.as_mut_ptr();
        self.headers.clear();
        for message in &mut self.prepared {
            // SAFETY: all zeros are a valid `mmsghdr`: integers and null pointers.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_name = message.name.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = message.name.len();
            header.msg_hdr.msg_iov = slices.wrapping_add(message.first);
            header.msg_hdr.msg_iovlen = message.count as _;
            if message.control.len > 0 {
                header.msg_hdr.msg_control = message.control.bytes.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = message.control.len as _;
            }
            self.headers.push(header);
        }
        // SAFETY: `headers` holds as many initialised headers as the call is told. Their names and control data lie in `prepared`,
        // their slices in `slices`, neither of which is touched since the pointers were made; `first..first + count` is within
        // `slices` by construction in `prepare`. The slices point into `datagrams`, borrowed by this function. The kernel only reads
        // through all of these, although the C types say otherwise; it writes `msg_len` into the headers, which are ours. Non-blocking,
        // so no pointer outlives the call.
        let taken = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as _,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        };
        usize::try_from(taken).map_err(|_| io::Error::last_os_error())
    }

    /// Fills names, control data and slices.
    fn prepare<'a>(&mut self, datagrams: &[&[u8]], messages: impl Iterator<Item = Message<'a>>) {
        self.prepared.clear();
        self.slices.clear();
        for message in messages.take(MAX_MESSAGES) {
            let first = self.slices.len();
            self.slices.extend(message.members.iter().map(|index| {
                let datagram = datagrams[*index as usize];
                libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() }
            }));
            self.prepared.push(Prepared {
                name: SockAddr::from(message.path.remote),
                control: Control::new(message.path, message.segment),
                first,
                count: message.members.len(),
            });
        }
    }
}

/// Ancillary data of one message (cmsg(3)), aligned as its headers must be.
#[repr(C, align(8))]
struct Control {
    bytes: [u8; CONTROL_SPACE],
    len: usize,
}

impl Control {
    /// Source address, where one is known, and segment size, where there are several datagrams.
    fn new(path: &Path, segment: Option<u16>) -> Self {
        let mut control = Self { bytes: [0; CONTROL_SPACE], len: 0 };
        match path.local {
            local if local.is_unspecified() => {}
            IpAddr::V4(local) => {
                let source = libc::in_addr { s_addr: u32::from_ne_bytes(local.octets()) };
                let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: libc::in_addr { s_addr: 0 } };
                control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, info);
            }
            IpAddr::V6(local) => {
                // A link-local peer's scope is the interface; elsewhere routing decides.
                let interface = match path.remote {
                    SocketAddr::V6(remote) => remote.scope_id(),
                    SocketAddr::V4(_) => 0,
                };
                let info = libc::in6_pktinfo { ipi6_ifindex: interface as _, ipi6_addr: libc::in6_addr { s6_addr: local.octets() } };
                control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
            }
        }
        if let Some(size) = segment {
            control.push(libc::SOL_UDP, libc::UDP_SEGMENT, size);
        }
        control
    }

    /// Appends one piece of ancillary data. `T` is a C structure without padding.
    fn push<T>(&mut self, level: libc::c_int, kind: libc::c_int, value: T) {
        let size = mem::size_of::<T>() as libc::c_uint;
        // SAFETY: these only compute.
        let (len, space) = unsafe { (libc::CMSG_LEN(size), libc::CMSG_SPACE(size) as usize) };
        assert!(self.len + space <= CONTROL_SPACE, "two pieces of control data fit");
        // SAFETY: `bytes` is aligned for `cmsghdr` (8, and offset 0 of the struct), and so is `len`, being a sum of `CMSG_SPACE`s. Header
        // and data end within `bytes`, as just asserted. All zeros are a valid `cmsghdr`.
        unsafe {
            let header = self.bytes.as_mut_ptr().add(self.len).cast::<libc::cmsghdr>();
            let mut fields: libc::cmsghdr = mem::zeroed();
            fields.cmsg_len = len as _;
            fields.cmsg_level = level;
            fields.cmsg_type = kind;
            header.write(fields);
            libc::CMSG_DATA(header).cast::<T>().write_unaligned(value);
        }
        self.len += space;
    }
}

/// Turns UDP checksums off, with which the kernel refuses GSO but not plain sends: a network without GSO, for tests.
#[cfg(test)]
pub(super) fn refuse_gso(socket: BorrowedFd<'_>) {
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int, which outlives the call, of the size told.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NO_CHECK,
            std::ptr::from_ref(&on).cast(),
            mem::size_of_val(&on) as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}
