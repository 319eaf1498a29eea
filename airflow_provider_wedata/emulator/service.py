"""The service without its port: a request in, a response in WeData's format out.

Checks a request in order (signature, action, region, parameters, project) and builds the envelope. Instances are
left to actions.py, faults to faults.py.
"""

from __future__ import annotations

from email.utils import formatdate
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from airflow_provider_wedata.emulator import actions, parameters
from airflow_provider_wedata.emulator.actions import Quirks
from airflow_provider_wedata.emulator.messages import JSON, Refusal, Reply, Request, error_reply, json_reply
from airflow_provider_wedata.emulator.signature import Account, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_provider_wedata.emulator.world import World

VERSION = "2025-08-06"
LARGEST_BODY = 10 * 1024 * 1024
REGIONS = frozenset(
    {
        "ap-beijing",
        "ap-chengdu",
        "ap-chongqing",
        "ap-guangzhou",
        "ap-hongkong",
        "ap-jakarta",
        "ap-nanjing",
        "ap-shanghai",
        "ap-singapore",
        "ap-tokyo",
        "eu-frankfurt",
        "na-ashburn",
        "na-siliconvalley",
    }
)


class Action(NamedTuple):
    """An action: the checks of its parameters, the required ones, and the function that returns its data."""

    checks: Mapping[str, parameters.Check]
    required: Iterable[str]
    answer: Callable[[World, actions.Parameters, Quirks, Random], actions.Data]


ACTIONS = {
    "ListTaskInstances": Action(parameters.LIST_TASK_INSTANCES, ("ProjectId",), actions.list_task_instances),
    "GetTaskInstance": Action(
        parameters.GET_TASK_INSTANCE, ("ProjectId", "InstanceKey"), actions.get_task_instance
    ),
    "ListProjects": Action(parameters.LIST_PROJECTS, (), actions.list_projects),
}


class Service:
    """Serves a world to the accounts that it knows."""

    def __init__(
        self,
        world: World,
        accounts: Iterable[Account],
        *,
        quirks: Quirks | None = None,
        regions: Iterable[str] = REGIONS,
        service: str = "wedata",
        seed: int = 0,
    ) -> None:
        self.world = world
        self.quirks = quirks or Quirks()
        self._accounts = {account.secret_id: account for account in accounts}
        self._regions = frozenset(regions)
        self._service = service
        self._chance = Random(seed)  # noqa: S311  # ids and the order of ties, deterministic on purpose

    def answer(self, request: Request, *, now: float | None = None) -> Reply:
        """Return the response; `now` is the time for the expiry of the signature, by default the world's."""
        request_id = str(UUID(int=self._chance.getrandbits(128), version=4))
        try:
            data = self._data(request, self.world.now() if now is None else now)
        except Refusal as refusal:
            return self.dated(error_reply(refusal.code, refusal.message, request_id))
        return self.dated(json_reply({"Response": {"Data": data, "RequestId": request_id}}))

    def refuse(self, code: str, message: str) -> Reply:
        """Return an error that is not caused by a parameter."""
        return self.dated(error_reply(code, message, str(UUID(int=self._chance.getrandbits(128), version=4))))

    def dated(self, reply: Reply) -> Reply:
        """Return the reply with the world's time in the Date header."""
        return reply.with_headers(date=formatdate(self.world.now(), usegmt=True))

    def _data(self, request: Request, now: float) -> dict[str, Any]:
        _check_form(request)
        account = verify(request, self._accounts, now=now, service=self._service)
        action = self._action(request)
        values = parameters.parse(request.body, action.checks, action.required)
        self._check_project(values.get("ProjectId"), account)
        return action.answer(self.world, values, self.quirks, self._chance)

    def _action(self, request: Request) -> Action:
        name, version, region = (request.header(f"X-TC-{name}") for name in ("Action", "Version", "Region"))
        if version != VERSION:
            raise Refusal("NoSuchVersion", f"The API version {version} does not exist.")
        if name not in ACTIONS:
            raise Refusal("InvalidAction", f"The API action {name} does not exist or is not supported here.")
        if not region:
            raise Refusal("MissingParameter", "The request is missing the header X-TC-Region.")
        if region not in self._regions:
            raise Refusal("UnsupportedRegion", f"The region {region} is not supported.")
        return ACTIONS[name]

    def _check_project(self, project: str | None, account: Account) -> None:
        if project is None:
            return
        if project not in self.world.project_ids:
            raise Refusal("InvalidParameter.WorkspaceNotExist", "The project does not exist.")
        if project not in account.projects:
            raise Refusal(
                "UnauthorizedOperation.UserNotInProject", "The user is not a member of the project."
            )


def _check_form(request: Request) -> None:
    if request.method != "POST":
        raise Refusal("UnsupportedProtocol", "Only POST is supported.")
    if (request.header("Content-Type") or "").partition(";")[0].strip().lower() != JSON:
        raise Refusal("UnsupportedProtocol", "Only the content type application/json is supported.")
    if len(request.body) > LARGEST_BODY:
        raise Refusal("RequestSizeLimitExceeded", "The request is larger than 10 MB.")
