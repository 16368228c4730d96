"""Containers, written."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem
from dairy_app.containers.models import Container, ContainerMovement


def insert_container(session: Session, row: Mapping[str, Any]) -> UUID:
    """A new kind of container; its id. Raises ``already_exists`` for a name in use."""
    _require_free(session, row["name"])
    made: UUID = session.execute(insert(Container).values(**row).returning(Container.id)).scalar_one()
    return made


def update_container(session: Session, container_id: UUID, row: Mapping[str, Any]) -> None:
    """Write columns of one kind of container. Raises ``already_exists`` for a name that another one has."""
    if "name" in row:
        _require_free(session, row["name"], container_id)
    session.execute(
        update(Container).where(Container.id == container_id).values(**row).execution_options(synchronize_session=False)
    )


def _require_free(session: Session, name: str, but: UUID | None = None) -> None:
    named = select(Container.id).where(
        func.lower(Container.name) == func.lower(name), Container.id.is_distinct_from(but)
    )
    if session.scalar(named) is not None:
        raise Problem("already_exists", f"There is a container {name!r} already.")


def insert_movement(session: Session, row: Mapping[str, Any]) -> UUID:
    """What the office enters; its id. The caller holds the customer's row."""
    made: UUID = session.execute(insert(ContainerMovement).values(**row).returning(ContainerMovement.id)).scalar_one()
    return made
