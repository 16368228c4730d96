"""Logins and users as clients send and see them."""

from typing import Any

from marshmallow import fields, validates_schema

from dairy_app.accounts.rules.logins import normalise_email
from dairy_app.accounts.service.resets import NewPassword
from dairy_app.accounts.service.users import NewUser, UserChange
from dairy_app.common.phones import normalise_phone
from dairy_app.web import validate
from dairy_app.web.access import Role
from dairy_app.web.schemas import Choice, Line, PageQuery, Strict
from dairy_app.web.validate import Invalid

ROLES = [role.value for role in Role]
#: Longer than any password may be: who typed an old, longer one is refused by the hash, not by the form.
LONGEST_SECRET = 1000


class Email(fields.String):
    """An e-mail address; trimmed and lower-cased on the way in."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return normalise_email(super()._deserialize(value, attr, data, **kwargs))
        except ValueError:
            raise Invalid("Must be an e-mail address.") from None


class Phone(fields.String):
    """A phone number as people write it; E.164 on the way out. Without a country code: an Indian one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return normalise_phone(super()._deserialize(value, attr, data, **kwargs))
        except ValueError:
            raise Invalid("Must be a phone number, for example +91 98200 12345.") from None


def _secret(**kwargs: Any) -> fields.String:
    return fields.String(required=True, load_only=True, validate=validate.Length(1, LONGEST_SECRET), **kwargs)


class LoginIn(Strict):
    """E-mail or phone, and the password."""

    email = fields.String(validate=validate.Length(1, 254))
    phone = fields.String(validate=validate.Length(1, 40))
    password = _secret()
    not_in_example = ("phone",)

    @validates_schema
    def one_login(self, data: dict[str, Any], **_: Any) -> None:
        """Neither none nor two."""
        if ("email" in data) == ("phone" in data):
            raise Invalid("Send either email or phone.")


class RefreshIn(Strict):
    """The refresh token, here or as bearer."""

    refresh_token = fields.String(validate=validate.Length(1, 4000))


class PasswordIn(Strict):
    """The password as it is and as it shall be."""

    current_password = _secret()
    new_password = _secret()


class AcceptIn(Strict):
    """What an invited person sends: the invitation's token and the password they chose."""

    token = fields.String(required=True, validate=validate.Length(1, 200))
    password = _secret()


class ResetRequestIn(Strict):
    """Whose password was forgotten: an e-mail address or a telephone number."""

    login = fields.String(required=True, validate=validate.Length(1, 254))


class ResetRequestOut(Strict):
    """The same for every login. ``expires_in``: for so many seconds a code is good, if one was sent."""

    expires_in = fields.Integer(metadata={"example": 900})


class ResetIn(Strict):
    """The code that was sent to the login, and the new password."""

    makes = NewPassword
    login = fields.String(required=True, validate=validate.Length(1, 254))
    code = fields.String(
        required=True, load_only=True, validate=validate.Length(1, 40), metadata={"example": "12345678"}
    )
    password = _secret()


class PersonOut(Strict):
    """The one who is logged in. ``customer_v2_id``: the customer this login belongs to."""

    id = fields.UUID()
    name = fields.String()
    role = Choice(*ROLES)
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    customer_v2_id = fields.UUID(allow_none=True)


class TokensOut(Strict):
    """A pair of tokens; ``expires_in`` is the access token's life in seconds."""

    access_token = fields.String()
    refresh_token = fields.String()
    token_type = Choice("bearer")
    expires_in = fields.Integer()
    user = fields.Nested(PersonOut)


class UserOut(PersonOut):
    """A user as admins see it. ``has_password`` false: invited, not yet arrived."""

    is_active = fields.Boolean()
    has_password = fields.Boolean()
    last_login_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class InvitationOut(Strict):
    """An invitation; its token is shown here and never again."""

    invitation_token = fields.String()


class UserCreatedOut(UserOut, InvitationOut):
    """A new user and the invitation that lets it in; a repeated answer has no token."""

    sometimes = ("invitation_token",)


class UserIn(Strict):
    """A new user; e-mail or phone is needed, both are fine."""

    makes = NewUser
    name = Line(200, required=True)
    role = Choice(*ROLES, required=True)
    email = Email(load_default=None, allow_none=True)
    phone = Phone(load_default=None, allow_none=True)


class UserPatch(Strict):
    """Only what is sent changes."""

    makes = UserChange
    name = Line(200)
    role = Choice(*ROLES)
    email = Email(allow_none=True)
    phone = Phone(allow_none=True)
    is_active = fields.Boolean(truthy={True}, falsy={False})


class UserQuery(PageQuery):
    """Filters of the list of users."""

    role = Choice(*ROLES, load_default=None)
    is_active = fields.Boolean(load_default=None)
