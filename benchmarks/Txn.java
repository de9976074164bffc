import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Scanner;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The Java client's transactions: told "ids transactions" by line, it answers with the milliseconds of each. */
public class Txn {
    public static void main(String[] arguments) {
        String bootstrap = arguments[0], consumed = arguments[1], made = arguments[2];
        int partitions = Integer.parseInt(arguments[3]);
        byte[] value = new byte[Integer.parseInt(arguments[4])];
        List<KafkaProducer<byte[], byte[]>> producers = List.of(producer(bootstrap, "java.0"), producer(bootstrap, "java.1"));
        ConsumerGroupMetadata group = new ConsumerGroupMetadata("java");
        long offset = 0;
        for (Scanner orders = new Scanner(System.in); orders.hasNextInt(); ) {
            int ids = orders.nextInt(), count = orders.nextInt();
            double[] ms = new double[count];
            for (int n = 0; n < count; n++) {
                long began = System.nanoTime();
                transaction(producers.get(n % ids), consumed, made, partitions, value, offset++, group);
                ms[n] = (System.nanoTime() - began) / 1e6;
            }
            System.out.println(Arrays.toString(ms));
        }
        producers.forEach(KafkaProducer::close);
    }

    private static void transaction(KafkaProducer<byte[], byte[]> producer, String consumed, String made, int partitions,
            byte[] value, long offset, ConsumerGroupMetadata group) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        producer.beginTransaction();
        for (int partition = 0; partition < partitions; partition++) {
            producer.send(new ProducerRecord<>(made, partition, null, value));
            offsets.put(new TopicPartition(consumed, partition), new OffsetAndMetadata(offset));
        }
        producer.flush(); // as ours: first everything is on the broker, then the offsets
        producer.sendOffsetsToTransaction(offsets, group);
        producer.commitTransaction();
    }

    private static KafkaProducer<byte[], byte[]> producer(String bootstrap, String id) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("transactional.id", id);
        settings.put("acks", "all");
        settings.put("linger.ms", "0");
        settings.put("retry.backoff.ms", "2");
        var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        producer.initTransactions();
        return producer;
    }
}
