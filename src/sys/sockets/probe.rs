//! Whether sockets could be opened, for a check of the configuration: nothing is left behind, and nobody can
//! connect meanwhile. That somebody listens there is no fault: it may be the very daemon the configuration is of.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{SockFlag, UnixAddr};
use nix::unistd::{AccessFlags, access, geteuid};

use super::{ServerError, bound_inet, errno_of, folder_of, lookup_number, resolve};
use crate::config::schema::{FcgiAddress, ServerAddress};

/// Why a control server could not be opened, if so.
pub fn probe(address: &ServerAddress) -> Result<(), ServerError> {
    match address {
        ServerAddress::Inet { host, port } => {
            let address = resolve(host, *port).map_err(|error| ServerError::Lookup(lookup_number(&error)))?;
            Ok(free_or_taken(bound_inet(address, SockFlag::empty()))?)
        }
        ServerAddress::Unix { path, owner, .. } => {
            let stranger = fs::symlink_metadata(path).is_ok_and(|it| !it.file_type().is_socket());
            if stranger {
                return Err(ServerError::NotASocket(path.clone()));
            }
            name_can_be_made(path)?;
            match owner {
                Some(owner) if !geteuid().is_root() && owner.uid != geteuid().as_raw() => {
                    Err(ServerError::Chown(path.clone(), *owner))
                }
                _ => Ok(()),
            }
        }
    }
}

/// Why a FastCGI socket could not be opened, if so.
pub fn probe_fcgi(address: &FcgiAddress) -> io::Result<()> {
    match address {
        FcgiAddress::Tcp { host, port } => {
            Ok(free_or_taken(bound_inet(resolve(host, *port)?, SockFlag::empty()))?)
        }
        FcgiAddress::Unix { path, .. } if path.is_dir() => Err(Errno::EISDIR.into()),
        FcgiAddress::Unix { path, .. } => Ok(name_can_be_made(path)?),
    }
}

/// A socket that is bound but does not listen is in nobody's way.
fn free_or_taken<T>(bound: nix::Result<T>) -> nix::Result<()> {
    match bound {
        Ok(_) | Err(Errno::EADDRINUSE) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn name_can_be_made(path: &Path) -> nix::Result<()> {
    UnixAddr::new(path)?;
    let folder = folder_of(path);
    if !fs::metadata(folder).map_err(|error| errno_of(&error))?.is_dir() {
        return Err(Errno::ENOTDIR);
    }
    access(folder, AccessFlags::W_OK | AccessFlags::X_OK)
}
