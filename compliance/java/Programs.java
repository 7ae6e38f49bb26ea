import jakarta.mail.Authenticator;
import jakarta.mail.PasswordAuthentication;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.MimeMessage;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import javax.tools.JavaCompiler;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * Runs programs that set JavaMail up, one after the other. In: a line with the kind of program, its
 * code and what it knows, in base64. Out: a line with how it ended and what JavaMail said, alike.
 */
public class Programs {
    static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();
    static int count = 0;

    public static void main(String[] arguments) throws Exception {
        PrintStream out = System.out;
        Path home = Path.of(arguments[0]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] order = line.split(" ");
            for (int i = 0; i < order.length; i++) {
                order[i] = new String(Base64.getDecoder().decode(order[i]));
            }
            ByteArrayOutputStream said = new ByteArrayOutputStream();
            PrintStream print = new PrintStream(said, true);
            boolean ok = run(home, order, print);
            out.println(ok + " " + Base64.getEncoder().encodeToString(said.toByteArray()));
            out.flush();
        }
    }

    static boolean run(Path home, String[] order, PrintStream print) {
        try {
            Properties props = new Properties();
            String[] account = {order[2], order[3]};
            Session session = Session.getInstance(props, new Authenticator() {
                @Override
                protected PasswordAuthentication getPasswordAuthentication() {
                    return new PasswordAuthentication(account[0], account[1]);
                }
            });
            session.setDebugOut(print);
            session.setDebug(true);
            MimeMessage message = new MimeMessage(session);
            message.setFrom(order[4]);
            message.setRecipients(MimeMessage.RecipientType.TO, order[5]);
            message.setSubject("hello");
            message.setText("hello");
            java(home, order, props, account, message);
            Transport.send(message);
            return true;
        } catch (Throwable error) {
            (error instanceof InvocationTargetException ? error.getCause() : error).printStackTrace(print);
            return false;
        }
    }

    /** The program is the body of a method that knows props, account and message. */
    static void java(Path home, String[] order, Properties props, String[] account, MimeMessage message) throws Exception {
        String name = "Program" + count++;
        String source = "public class " + name + " { public static void run(java.util.Properties props, String[] account,"
            + " jakarta.mail.internet.MimeMessage message) throws Exception {\n" + order[1] + "\n}}";
        var file = new SimpleJavaFileObject(URI.create("string:///" + name + ".java"), SimpleJavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignore) {
                return source;
            }
        };
        Files.createDirectories(home);
        if (!COMPILER.getTask(null, null, null, List.of("-d", home.toString()), null, List.of(file)).call()) {
            throw new IllegalStateException("it does not compile:\n" + source);
        }
        try (var loader = new URLClassLoader(new URL[] {home.toUri().toURL()}, Programs.class.getClassLoader())) {
            loader.loadClass(name).getMethod("run", Properties.class, String[].class, MimeMessage.class).invoke(null, props, account, message);
        }
    }
}
