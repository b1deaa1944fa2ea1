-- Events of objects are rows of the outbox, for which event rules ask. Nobody reads what notification configurations asked for;
-- those that name a queue, a topic or a function are refused now, and no bucket may seem to have one.
DROP TABLE object_event;
UPDATE bucket SET settings = settings - 'notification'
WHERE settings -> 'notification' ?| ARRAY['TopicConfigurations', 'QueueConfigurations', 'LambdaFunctionConfigurations'];
